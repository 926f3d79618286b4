import { join } from "node:path";
import { build } from "esbuild";
import { formatInSentence } from "../../dashboards/units.ts";
import { axisOf } from "./axis.ts";
import { LEVEL_COLOURS, LEVEL_NAMES } from "./levels.ts";
import type { Plot } from "./plots.ts";
import type { ReportTable } from "./sql-tables.ts";
import type { Tile } from "./tiles.ts";

const STYLE = `
:root { color-scheme: light dark; --ground: light-dark(#ffffff, #16191d); --card: light-dark(#f6f7f9, #1f242a); --text: light-dark(#1d2329, #e3e6ea); --quiet: #808892; }
* { box-sizing: border-box; }
body { margin: 0; padding: 24px; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
header { max-width: 1500px; margin: 0 auto 20px; }
h1 { font-size: 24px; margin: 0 0 4px; }
p { margin: 0; color: var(--quiet); }
main { max-width: 1500px; margin: 0 auto; display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(560px, 100%), 1fr)); }
figure { margin: 0; padding: 16px; border-radius: 10px; background: var(--card); min-width: 0; display: flex; flex-direction: column; }
figcaption { margin-bottom: 12px; flex: 1; }
h2 { font-size: 16px; margin: 0 0 2px; }
h2::first-letter { text-transform: uppercase; }
figcaption p { font-size: 13px; }
.tiles { max-width: 1500px; margin: 0 auto 16px; display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.tile { padding: 12px 14px; border-radius: 10px; background: var(--card); border-left: 4px solid var(--level, #3f9d5f); }
.tile h2 { font-size: 13px; font-weight: 500; color: var(--quiet); }
.tile strong { font-size: 24px; font-weight: 600; color: var(--level, var(--text)); }
.tile em { font-size: 12px; font-style: normal; color: var(--level); margin-left: 6px; }
.wide { grid-column: 1 / -1; overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; width: 100%; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid color-mix(in srgb, var(--quiet) 30%, transparent); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; }
.plot { height: 300px; }
.empty { height: 300px; display: grid; place-items: center; color: var(--quiet); }
`;

export interface PageArgs {
  readonly stack: string;
  readonly title: string;
  readonly plots: readonly Plot[];
  /** Stand on top. @default none */
  readonly tiles?: readonly Tile[];
  /** What the plots show, before the time of making. @default `the hour up to` */
  readonly period?: string;
  /** Stand before the plots. @default none */
  readonly tables?: readonly ReportTable[];
}

/** One HTML page that needs nothing else: data, plotting library and style are in it. */
export async function renderPage({
  stack,
  title,
  plots,
  tiles = [],
  period = "the hour up to",
  tables = [],
}: PageArgs): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "page-script.ts")],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
    legalComments: "none",
  });
  const script = outputFiles[0]?.text ?? "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeHtml(title)}</h1><p>Stack ${escapeHtml(stack)}, ${escapeHtml(period)} ${new Date().toISOString().replace("T", " ").slice(0, 16)} UTC. Dashed lines are goals, and where alerts of the severities page and ticket fire.</p></header>
${tiles.length > 0 ? `<section class="tiles">${tiles.map(tile).join("\n")}</section>` : ""}
<main>
${tables.map(section).join("\n")}
${plots.map(figure).join("\n")}
</main>
<script type="application/json" id="data">${JSON.stringify(plots).replaceAll("<", "\\u003c")}</script>
<script>${script.replaceAll("</script", "<\\/script")}</script>
</body>
</html>
`;
}

function section({ title, description, columns, rows }: ReportTable): string {
  const line = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  const body =
    rows.length === 0
      ? "<p>none</p>"
      : `<table><thead>${line(columns, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("")}</tbody></table>`;
  return `<figure class="wide"><figcaption><h2>${escapeHtml(title)}</h2><p>${escapeHtml(description)}</p></figcaption>${body}</figure>`;
}

function tile({ title, description, value, level }: Tile): string {
  const bad = level ? ` style="--level: ${LEVEL_COLOURS[level]}"` : "";
  const name = level ? `<em>${level === "goal" ? "goal missed" : LEVEL_NAMES[level]}</em>` : "";
  return `<div class="tile" title="${escapeHtml(description)}"${bad}><h2>${escapeHtml(title)}</h2><strong>${escapeHtml(value)}</strong>${name}</div>`;
}

function figure(plot: Plot, index: number): string {
  const { title, description, series, unit } = plot;
  const body =
    series.length === 0
      ? '<div class="empty">no values in this time</div>'
      : `<div class="plot" id="plot-${index}"></div>`;
  const above = (series.length > 0 ? axisOf(plot).above : []).map(
    ({ at, level }) => `${LEVEL_NAMES[level]} ${formatInSentence(at, unit)}`,
  );
  const beyond = above.length > 0 ? `<p>Above the axis: ${escapeHtml(above.join(", "))}</p>` : "";
  return `<figure><figcaption><h2>${escapeHtml(title)}</h2><p>${escapeHtml(description)}</p>${beyond}</figcaption>${body}</figure>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
