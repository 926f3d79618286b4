import { type Exception, forMetric, forPanel } from "./exceptions.ts";
import { type DashboardVariable, fillVariables, type PanelQuery, type Rule } from "./expressions.ts";
import { metricNames } from "./metric-names.ts";
import type { ActiveAlert, Prometheus } from "./prometheus.ts";

export interface LiveResult {
  readonly targets: number;
  readonly down: readonly string[];
  readonly metrics: number;
  readonly missing: readonly string[];
  readonly queries: number;
  readonly empty: readonly string[];
  /** Legends that name a label which a series lacks, and picks of a variable by which every panel is empty. */
  readonly blind: readonly string[];
  /** Pages and tickets that fire; `info` calls for nothing, and the dead man's switch is one. */
  readonly firing: readonly ActiveAlert[];
  /** What was excused, with the reason. */
  readonly excused: readonly string[];
}

interface LiveCheckArgs {
  readonly prometheus: Prometheus;
  readonly rules: readonly Rule[];
  readonly queries: readonly PanelQuery[];
  readonly variables: readonly DashboardVariable[];
  /** What this stack may lack. */
  readonly exceptions: readonly Exception[];
  /** Whether an alert may fire on a healthy stack, for one that remembers what was broken on purpose before. @default none may */
  readonly mayFire?: (alert: string) => boolean;
  /** Told what is still lacking, now and then. */
  readonly onProgress: (text: string) => void;
}

/**
 * Rates need two scrapes after the first traffic, recorded series an evaluation after that. An empty ledger takes its first
 * snapshot five minutes after its start.
 */
const PATIENCE_SECONDS = 360;
const PAUSE_SECONDS = 10;
const RECENT_SECONDS = 300;

/** Number of things that a healthy stack does not have, or has. */
export function lacking({ down, missing, empty, blind, firing }: LiveResult): number {
  return [down, missing, empty, blind, firing].reduce((sum, list) => sum + list.length, 0);
}

/** Looks until nothing is lacking, or the time is over; what is lacking then is a fault. */
export async function liveCheck(args: LiveCheckArgs): Promise<LiveResult> {
  const deadline = Date.now() + PATIENCE_SECONDS * 1_000;
  for (;;) {
    const result = await look(args);
    if (lacking(result) === 0 || Date.now() > deadline) return result;
    args.onProgress(
      `${result.down.length} targets down, ${result.missing.length} metrics missing, ${result.empty.length} queries empty, ${result.blind.length} labels or picks wrong, ${result.firing.length} alerts firing; looking again`,
    );
    await new Promise((resolve) => setTimeout(resolve, PAUSE_SECONDS * 1_000));
  }
}

async function look({
  prometheus,
  rules,
  queries,
  variables,
  exceptions,
  mayFire = () => false,
}: LiveCheckArgs): Promise<LiveResult> {
  const targets = await prometheus.targets();
  const down = targets
    .filter(({ up }) => !up)
    .map(({ job, instance, error }) => `${job}/${instance}: ${error || "not read yet"}`);

  const users = usersOfMetrics(rules, queries);
  const present = await prometheus.metricNames(RECENT_SECONDS);
  const excused = new Set<string>();
  const missing: string[] = [];
  for (const [name, who] of users) {
    if (present.has(name)) continue;
    const exception = forMetric(exceptions, name);
    if (exception) excused.add(`${name}: ${exception.reason}`);
    else missing.push(`${name} (${[...who].slice(0, 3).join(", ")})`);
  }

  const empty: string[] = [];
  const blind: string[] = [];
  for (const { dashboard, panel, expression, legend } of queries) {
    const samples = await prometheus.query(fillVariables(expression));
    for (const label of labelsOf(legend))
      if (samples.some(({ labels }) => !labels[label]))
        blind.push(`${dashboard} / ${panel}: a series without the label ${label} of its legend "${legend}"`);
    if (samples.some(({ value }) => Number.isFinite(value))) continue;
    const exception = forPanel(exceptions, dashboard, panel);
    if (exception) excused.add(`${dashboard} / ${panel}: ${exception.reason}`);
    else empty.push(`${dashboard} / ${panel}: ${expression}`);
  }
  for (const variable of variables) blind.push(...(await uselessPicks(prometheus, variable, queries)));
  const alerts = await prometheus.alerts();
  if (!alerts.some(({ name }) => name === "Watchdog")) empty.push("the alert Watchdog, which always fires");
  return {
    targets: targets.length,
    down: targets.length === 0 ? ["Prometheus has no targets"] : down,
    metrics: users.size,
    missing,
    queries: queries.length,
    empty,
    blind,
    firing: alerts.filter(
      ({ name, labels, state }) => state === "firing" && labels.severity !== "info" && !mayFire(name),
    ),
    excused: [...excused],
  };
}

function labelsOf(legend: string): string[] {
  return [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
}

/** A value that a person may pick and that no panel of the dashboard knows. */
async function uselessPicks(
  prometheus: Prometheus,
  { dashboard, series, label }: DashboardVariable,
  queries: readonly PanelQuery[],
): Promise<string[]> {
  const picks = new Set((await prometheus.query(series)).map(({ labels }) => labels[label] ?? ""));
  const own = queries.filter(
    (query) => query.dashboard === dashboard && query.expression.includes("$instance"),
  );
  const useless: string[] = [];
  for (const pick of picks) {
    let seen = false;
    for (const { expression } of own) {
      const samples = await prometheus.query(fillVariables(expression, undefined, pick));
      seen = samples.some(({ value }) => Number.isFinite(value));
      if (seen) break;
    }
    if (!seen)
      useless.push(
        `${dashboard}: nothing is shown for ${label} ${pick || "(none)"}, which its variable offers`,
      );
  }
  return useless;
}

/** Each metric with the rules and panels that use it. */
function usersOfMetrics(rules: readonly Rule[], queries: readonly PanelQuery[]): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>();
  const add = (user: string, expression: string) => {
    for (const name of metricNames(expression)) users.set(name, (users.get(name) ?? new Set()).add(user));
  };
  for (const { name, expression } of rules) add(name, expression);
  for (const { dashboard, panel, expression } of queries)
    add(`${dashboard} / ${panel}`, fillVariables(expression));
  return users;
}
