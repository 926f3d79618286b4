import { exceptionForMetric, exceptionForPanel } from "./exceptions.ts";
import type { PanelQuery, Rule } from "./expressions.ts";
import { metricNames } from "./metric-names.ts";
import type { ActiveAlert, Prometheus } from "./prometheus.ts";

export interface LiveResult {
  readonly targets: number;
  readonly down: readonly string[];
  readonly metrics: number;
  readonly missing: readonly string[];
  readonly queries: number;
  readonly empty: readonly string[];
  /** Pages and tickets that fire; `info` calls for nothing, and the dead man's switch is one. */
  readonly firing: readonly ActiveAlert[];
  /** What was excused, with the reason. */
  readonly excused: readonly string[];
}

interface LiveCheckArgs {
  readonly prometheus: Prometheus;
  readonly rules: readonly Rule[];
  readonly queries: readonly PanelQuery[];
  /** Told what is still lacking, now and then. */
  readonly onProgress: (text: string) => void;
}

/** Rates need two scrapes after the first traffic, recorded series an evaluation after that. */
const PATIENCE_SECONDS = 180;
const PAUSE_SECONDS = 10;
const RECENT_SECONDS = 300;

/** Looks until nothing is lacking, or the time is over; what is lacking then is a fault. */
export async function liveCheck(args: LiveCheckArgs): Promise<LiveResult> {
  const deadline = Date.now() + PATIENCE_SECONDS * 1_000;
  for (;;) {
    const result = await look(args);
    const { down, missing, empty, firing } = result;
    const lacking = down.length + missing.length + empty.length + firing.length;
    if (lacking === 0 || Date.now() > deadline) return result;
    args.onProgress(
      `${down.length} targets down, ${missing.length} metrics missing, ${empty.length} queries empty, ${firing.length} alerts firing; looking again`,
    );
    await new Promise((resolve) => setTimeout(resolve, PAUSE_SECONDS * 1_000));
  }
}

async function look({ prometheus, rules, queries }: LiveCheckArgs): Promise<LiveResult> {
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
    const exception = exceptionForMetric(name);
    if (exception) excused.add(`${name}: ${exception.reason}`);
    else missing.push(`${name} (${[...who].slice(0, 3).join(", ")})`);
  }

  const empty: string[] = [];
  for (const { dashboard, panel, expression } of queries) {
    const samples = await prometheus.query(expression);
    if (samples.some(({ value }) => Number.isFinite(value))) continue;
    const exception = exceptionForPanel(dashboard, panel);
    if (exception) excused.add(`${dashboard} / ${panel}: ${exception.reason}`);
    else empty.push(`${dashboard} / ${panel}: ${expression}`);
  }
  const alerts = await prometheus.alerts();
  if (!alerts.some(({ name }) => name === "Watchdog")) empty.push("the alert Watchdog, which always fires");
  return {
    targets: targets.length,
    down: targets.length === 0 ? ["Prometheus has no targets"] : down,
    metrics: users.size,
    missing,
    queries: queries.length,
    empty,
    firing: alerts.filter(({ labels, state }) => state === "firing" && labels.severity !== "info"),
    excused: [...excused],
  };
}

/** Each metric with the rules and panels that use it. */
function usersOfMetrics(rules: readonly Rule[], queries: readonly PanelQuery[]): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>();
  const add = (user: string, expression: string) => {
    for (const name of metricNames(expression)) users.set(name, (users.get(name) ?? new Set()).add(user));
  };
  for (const { name, expression } of rules) add(name, expression);
  for (const { dashboard, panel, expression } of queries) add(`${dashboard} / ${panel}`, expression);
  return users;
}
