import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { countPanels, panelQueries, readRules } from "./expressions.ts";

export interface Counts {
  readonly alerts: number;
  readonly tested: number;
  readonly withRunbook: number;
  readonly recordings: number;
  readonly dashboards: number;
  readonly panels: number;
  readonly queries: number;
}

const BEGIN = "<!-- counts:begin -->";
const END = "<!-- counts:end -->";

/** Counts over the files of the project. */
export function count(root: string): Counts {
  const rules = readRules(join(root, "config/prometheus/rules"));
  const alerts = [...new Set(rules.filter(({ kind }) => kind === "alert").map(({ name }) => name))];
  const tested = testedAlerts(join(root, "test/alerts"));
  const dashboards = join(root, "dashboards/generated");
  return {
    alerts: alerts.length,
    tested: alerts.filter((name) => tested.has(name)).length,
    withRunbook: alerts.filter((name) => existsSync(join(root, `docs/runbooks/${name}.md`))).length,
    recordings: rules.filter(({ kind }) => kind === "record").length,
    dashboards: readdirSync(dashboards).length,
    panels: countPanels(dashboards),
    queries: panelQueries(dashboards).length,
  };
}

/** Alerts that a promtool test expects to fire. */
function testedAlerts(folder: string): Set<string> {
  type Step = { alertname: string; exp_alerts?: unknown[] };
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".yml")) : [];
  const steps = files.flatMap((file) => {
    const { tests = [] } = parse(readFileSync(join(folder, file), "utf8")) as {
      tests?: { alert_rule_test?: Step[] }[];
    };
    return tests.flatMap(({ alert_rule_test: of = [] }) => of);
  });
  return new Set(
    steps.filter(({ exp_alerts: fired = [] }) => fired.length > 0).map(({ alertname }) => alertname),
  );
}

/**
 * Replaces the table between the markers of `docs/monitoring.md`.
 *
 * @param empty queries without data, which a running stack alone can tell. @default what the table says
 */
export function withCounts(text: string, counts: Counts, empty?: number): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the text lacks the markers ${BEGIN} and ${END}`);
  const seen = empty ?? Number(/(\d+) \|\n$/.exec(text.slice(begin, end))?.[1]);
  return `${text.slice(0, begin + BEGIN.length)}\n${formatCounts(counts, seen)}\n${text.slice(end)}`;
}

function formatCounts(counts: Counts, empty: number): string {
  return [
    "| alerts | with tests | with runbook | recorded series | dashboards | panels | queries | empty |",
    "|---|---|---|---|---|---|---|---|",
    `| ${[counts.alerts, counts.tested, counts.withRunbook, counts.recordings, counts.dashboards, counts.panels, counts.queries, empty].join(" | ")} |`,
  ].join("\n");
}
