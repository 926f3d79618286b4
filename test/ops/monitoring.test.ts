import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatValue } from "../../dashboards/units.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { count, withCounts } from "../../ops/monitoring/counts-table.ts";
import { exceptionsFor, forMetric, forPanel } from "../../ops/monitoring/exceptions.ts";
import {
  dashboardVariables,
  fillVariables,
  panelQueries,
  readRules,
} from "../../ops/monitoring/expressions.ts";
import { metricNames } from "../../ops/monitoring/metric-names.ts";
import { Timeline } from "../../ops/monitoring/timeline.ts";
import { ROOT } from "../../tools/layout.ts";

describe("names of metrics in an expression", () => {
  it.each([
    ["up", ["up"]],
    [
      'sum by (instance) (rate(a_total{job="x", le="b_c"}[5m])) / on (instance) group_left (query) b:c:rate5m',
      ["a_total", "b:c:rate5m"],
    ],
    ["histogram_quantile(0.9, sum by (le) (rate(h_bucket[1m]))) or vector(0)", ["h_bucket"]],
    ["time() - max_over_time(x_seconds[1h] offset 5m) > bool 3", ["x_seconds"]],
  ])("%s", (expression, names) => {
    expect([...metricNames(expression)].sort()).toEqual([...names].sort());
  });

  it("are not looked for in what is no PromQL", () => {
    expect(() => metricNames("sum(rate(x[5m])")).toThrow(/not PromQL/);
  });
});

describe("what a healthy stack may lack", () => {
  const of = (given: Record<string, unknown>) => exceptionsFor(parseSettings("dev", given));

  it.each([
    "dujyo_backup_last_run_ok",
    "dujyo_restore_last_success_timestamp_seconds",
    "dujyo_pg_archive_failed_total",
  ])("%s where no backups are taken, and not otherwise", (metric) => {
    expect(forMetric(of({ backup: { enabled: true } }), metric)).toBeUndefined();
    expect(forMetric(of({}), metric)?.reason).toBeTruthy();
  });

  it.each([
    ["redis_master_link_up", { redis: { replicasPerShard: 0 } }],
    ["dujyo_pg_replication_lag_bytes", { postgres: { replicas: 0, synchronousReplicas: 0 } }],
    ["standby:pg_replication_lag_seconds:max", { postgres: { replicas: 0, synchronousReplicas: 0 } }],
    ["etcd_server_has_leader", { target: "kubernetes" }],
    ["container_start_time_seconds", { target: "kubernetes" }],
  ])("%s, given %j, and not otherwise", (metric, given) => {
    expect(forMetric(of({}), metric)).toBeUndefined();
    expect(forMetric(of(given), metric)?.reason).toBeTruthy();
  });

  it.each([
    ["dujyo-pooling", "The API's gateway", { target: "kubernetes" }],
    ["dujyo-capacity", "Consensus store", { target: "kubernetes" }],
    ["dujyo-overview", "Replay lag in bytes", { postgres: { replicas: 0, synchronousReplicas: 0 } }],
  ])("%s / %s, given %j, and not otherwise", (dashboard, panel, given) => {
    expect(forPanel(of({}), dashboard, panel)).toBeUndefined();
    expect(forPanel(of(given), dashboard, panel)?.reason).toBeTruthy();
  });

  it("excuses panels and metrics that are there", () => {
    const dashboards = join(ROOT, "dashboards/generated");
    const queries = panelQueries(dashboards);
    const panels = new Set(queries.map(({ dashboard, panel }) => `${dashboard} / ${panel}`));
    const names = new Set(
      [...readRules(join(ROOT, "config/prometheus/rules")), ...queries].flatMap(({ expression }) => [
        ...metricNames(fillVariables(expression)),
      ]),
    );
    const all = [
      ...of({ target: "kubernetes" }),
      ...of({ redis: { replicasPerShard: 0 }, postgres: { replicas: 0, synchronousReplicas: 0 } }),
    ];
    for (const { metric, panel, reason } of all) {
      if (metric)
        expect(
          [...names].filter((name) => metric.test(name)),
          reason,
        ).not.toEqual([]);
      // Each title of the alternatives is a panel's.
      const titles = panel?.source.match(/\(([^()]*)\)\$$/)?.[1]?.split("|") ?? [];
      for (const title of titles)
        expect(
          [...panels].some((name) => name.endsWith(` / ${title}`)),
          `${reason}: ${title}`,
        ).toBe(true);
    }
  });
});

it("reads the variables by which members are picked", () => {
  const variables = dashboardVariables(join(ROOT, "dashboards/generated"));
  expect(variables).toHaveLength(6);
  expect(variables).toContainEqual({
    dashboard: "dujyo-postgres",
    series: 'up{job="postgres"}',
    label: "instance",
  });
});

describe("the timeline of a drill", () => {
  it("takes only what comes after the fault, and resolution after delivery", () => {
    const timeline = new Timeline(["A"]);
    const later = Date.now() + 1_000;
    timeline.seeDeliveries([{ name: "A", status: "resolved", group: "g", title: "", at: later }]);
    expect(timeline.lacking("resolved")).toEqual(["A"]);
    timeline.seeActive([
      { name: "A", state: "firing" },
      { name: "B", state: "firing" },
    ]);
    expect(timeline.lacking("pending")).toEqual([]);
    timeline.seeDeliveries([
      { name: "A", status: "firing", group: "g", title: "", at: later },
      { name: "A", status: "resolved", group: "g", title: "", at: later + 2_000 },
    ]);
    expect(timeline.rows()).toEqual([["A", "+0 s", "+0 s", "+1 s", "+3 s"]]);
  });
});

describe("the table of counts", () => {
  const counts = {
    alerts: 2,
    tested: 2,
    withRunbook: 1,
    recordings: 3,
    dashboards: 1,
    panels: 4,
    queries: 5,
  };

  it("replaces what is between its markers and nothing else", () => {
    const text = "before\n<!-- counts:begin -->\nold\n<!-- counts:end -->\nafter\n";
    const once = withCounts(text, counts, 0);
    expect(once).toMatch(/^before\n<!-- counts:begin -->\n\| alerts/);
    expect(once).toContain("| 2 | 2 | 1 | 3 | 1 | 4 | 5 | 0 |");
    expect(once).toMatch(/<!-- counts:end -->\nafter\n$/);
    expect(withCounts(once, counts, 0)).toBe(once);
  });

  it("is what the files hold, and so is the number in the README", () => {
    const text = readFileSync(join(ROOT, "docs/monitoring.md"), "utf8");
    const held = count(ROOT);
    expect(withCounts(text, held), 'write it with "npm run docs"').toBe(text);
    expect(readFileSync(join(ROOT, "README.md"), "utf8")).toContain(`\n${held.alerts} alerts, each with`);
  });

  it("asks for its markers", () => {
    expect(() => withCounts("nothing", counts, 0)).toThrow(/markers/);
  });
});

it.each([
  [0.0123, "s", "12.3 ms"],
  [0.00002, "s", "20 µs"],
  [0.975, "percentunit", "97.5 %"],
  [1.5 * 2 ** 30, "bytes", "1.5 GiB"],
  [12_345, "short", "12.3 k"],
  [0, "s", "0"],
  [900, "s", "15 min"],
  [30 * 86_400, "s", "30 d"],
  [0.5, "s", "500 ms"],
  [5e8, "short", "500 M"],
])("writes %s %s as %s", (value, unit, text) => {
  expect(formatValue(value, unit)).toBe(text);
});
