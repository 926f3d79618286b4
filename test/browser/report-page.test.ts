import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { formatValue } from "../../dashboards/units.ts";
import { Prometheus } from "../../ops/monitoring/prometheus.ts";
import { readFiring } from "../../ops/report/firing.ts";
import { renderPage } from "../../ops/report/page.ts";
import { type Plot, readPlots } from "../../ops/report/plots.ts";
import { readTiles } from "../../ops/report/tiles.ts";
import { LOCAL, ROOT } from "../../tools/layout.ts";
import { openPage, takePicture } from "./chromium.ts";
import { startFixedPrometheus } from "./fixed-prometheus.ts";

/** The page of `npm run report:html` in a real browser: what is read from Prometheus is what a person sees. */

const browser = inject("browser");
const program = "program" in browser ? browser.program : "";
const folder = mkdtempSync(join(tmpdir(), "dujyo-page-"));
const file = join(folder, "overview.html");
/** Kept, for a person to look at. */
const pictures = join(LOCAL, "reports");

let server: Server;
let plots: Plot[];
let dom: string;
let console: string[];

/** The part of the document that belongs to one plot. */
function figureOf(title: string): string {
  const figure = dom
    .split("<figure")
    .slice(1)
    .find((part) => part.includes(`<h2>${title}</h2>`));
  if (!figure) throw new Error(`the page has no figure "${title}"`);
  return figure;
}

/** Lines of a drawing: the number of points of each path that is drawn and not filled, by colour. */
function linesOf(figure: string): Map<string, number> {
  const paths = [...figure.matchAll(/<path ([^>]*)>/g)].map(([, attributes = ""]) => attributes);
  const value = (attributes: string, name: string) =>
    new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return new Map(
    paths
      .filter((path) => value(path, "fill") === "none" && !value(path, "stroke-dasharray"))
      .map((path) => [value(path, "stroke"), [...value(path, "d").matchAll(/[ML]/g)].length]),
  );
}

beforeAll(async () => {
  const fixed = await startFixedPrometheus();
  server = fixed.server;
  const prometheus = new Prometheus(fixed.url);
  plots = await readPlots(ROOT, "dujyo-overview", prometheus);
  const [tiles, tables] = await Promise.all([
    readTiles(ROOT, "dujyo-overview", prometheus),
    readFiring(prometheus),
  ]);
  writeFileSync(file, await renderPage({ stack: "fixed", title: "Dujyo: overview", tiles, tables, plots }));
  if (program) ({ dom, console } = await openPage(program, file));
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

describe("what is read for the page", () => {
  const plot = (title: string) => plots.find((one) => one.title === title);

  it("is every graph of the overview, with its series over the hour", () => {
    expect(plots.length).toBeGreaterThan(10);
    for (const { title, series } of plots) expect(series.length, title).toBeGreaterThan(0);
    expect(plot("Response time")?.series.map(({ name }) => name)).toEqual(["mean", "p95", "p99"]);
    expect(plot("Response time")?.series[0]?.points).toHaveLength(241);
    expect(plot("Requests")).toMatchObject({ unit: "reqps", stacked: true });
    expect(plot("Cache hits")).toMatchObject({ unit: "percentunit", stacked: false, max: 1 });
  });

  it("is each bound with the worse of the two levels that meet there", () => {
    expect(plot("Cache hits")?.bounds).toEqual([
      { at: 0.8, level: "ticket" },
      { at: 0.85, level: "goal" },
    ]);
    expect(plot("Response time")?.bounds.map(({ level }) => level)).toEqual(["goal", "goal", "goal", "page"]);
    expect(plot("Requests")?.bounds).toEqual([{ at: 10_000, level: "capacity" }]);
  });
});

describe("the overview's page in a browser", () => {
  beforeEach(({ skip }) => {
    if ("missing" in browser) skip(browser.missing);
  });

  it("runs without a word on the console", () => {
    expect(console).toEqual([]);
  });

  it("tells of a script that fails", async () => {
    const broken = join(folder, "broken.html");
    writeFileSync(broken, "<script>throw new Error('on purpose')</script>");
    expect((await openPage(program, broken)).console.join()).toContain("Uncaught Error: on purpose");
  });

  it("draws every graph that has values", () => {
    for (const { title } of plots) expect(figureOf(title), title).toContain("<svg");
  });

  it("draws each series with all its points, and names it with its last value", () => {
    const plot = plots.find(({ title }) => title === "Response time");
    const points = plot?.series[0]?.points.length ?? 0;
    const figure = figureOf("Response time");
    const lines = linesOf(figure);
    for (const colour of ["#3b82f6", "#0d9488", "#a855f7"]) expect(lines.get(colour), colour).toBe(points);
    for (const { name, points: of } of plot?.series ?? []) {
      const last = formatValue(of.at(-1)?.[1] ?? Number.NaN, "s");
      expect(figure.replaceAll("&nbsp;", " ")).toMatch(new RegExp(`>${name}\\s+${last}<`));
    }
    expect(linesOf(figureOf("Requests")).size).toBeGreaterThanOrEqual(2);
  });

  it("puts a series that began later on top of the others point by point", () => {
    const plot = plots.find(({ title }) => title === "Database queries");
    expect(plot?.series.map(({ points }) => points.length)).toEqual([241, 241, 121]);
    expect([...linesOf(figureOf("Database queries")).values()].filter((points) => points > 100)).toEqual([
      241, 241, 241,
    ]);
  });

  it("draws goals and alerts, and says which are above the axis", () => {
    const figure = figureOf("Response time");
    for (const bound of ["goal 50 ms", "goal 100 ms", "goal 200 ms"]) expect(figure).toContain(`>${bound}<`);
    expect(figure).toContain("Above the axis: page 1 s");
    expect(figure).toContain("stroke-dasharray");
    expect(figureOf("Requests")).toContain("Above the axis: built for 10 k a second");
    for (const bound of ["goal 85 %", "ticket 80 %"]) expect(figureOf("Cache hits")).toContain(`>${bound}<`);
  });

  it("draws a small bound where it belongs", () => {
    // 0.1 % on an axis that ends a little above it: near the top, not on the ground.
    const line = /<path [^>]*d="M\d+(?:\.\d+)? (\d+(?:\.\d+)?)[^"]*"[^>]*stroke-dasharray/.exec(
      figureOf("Errors"),
    );
    expect(Number(line?.[1])).toBeGreaterThan(30);
    expect(Number(line?.[1])).toBeLessThan(60);
  });

  it("says what its axes are", () => {
    const figure = figureOf("Response time");
    expect(figure).toContain(">time (UTC)<");
    expect(figure).toContain(">time<");
    expect(figure).toMatch(/>\d+ ms</);
    expect(figure).toMatch(/>\d\d:\d\d</);
  });

  it("shows figures with what is wrong with them, and what fires", () => {
    expect(dom).toContain("<h2>Availability over 30 days</h2><strong>99.957 %</strong></div>");
    expect(dom).toContain("<h2>Error budget burnt</h2><strong>1.5</strong><em>goal missed</em>");
    expect(dom).toContain("<h2>Alerts firing</h2><strong>1</strong><em>page</em>");
    expect(dom).toContain("<h2>Redis slots served</h2><strong>16384</strong></div>");
    expect(figureOf("Alerts firing")).toContain(
      "<td>page</td><td>RedisMemberDown</td><td>redis-3</td><td>2026-01-02 03:04</td><td>redis-3 &lt;is&gt; down</td>",
    );
    expect(figureOf("Alerts firing")).not.toContain("Watchdog");
  });

  it.each([
    ["light", false],
    ["dark", true],
  ])("can be photographed on a %s ground", async (name, dark) => {
    mkdirSync(pictures, { recursive: true });
    const view = { width: 1500, height: 2600, dark };
    const blank = join(folder, "blank.html");
    writeFileSync(blank, "");
    const nothing = await takePicture(program, blank, join(folder, "blank.png"), view);
    const picture = await takePicture(program, file, join(pictures, `browser-test-${name}.png`), view);
    expect(picture).toMatchObject({ width: 1500, height: 2600 });
    expect(picture.bytes).toBeGreaterThan(5 * nothing.bytes);
  });
});
