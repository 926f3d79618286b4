import { alertThreshold } from "../../dashboards/alert-thresholds.ts";
import { GOALS } from "../../dashboards/goals.ts";
import { DISKS, LEDGER, USER_ROUTES } from "../../dashboards/selectors.ts";
import type { Prometheus } from "../monitoring/prometheus.ts";
import { type Forecast, forecast } from "./forecast.ts";

/** An objective, and how much of it was kept. */
export interface Objective {
  readonly name: string;
  /** Shares from 0 to 1. */
  readonly goal: number;
  /** Null without requests. */
  readonly reached: number | null;
  /** Share of what may go wrong that did; above 1 the objective is missed. */
  readonly budget_spent: number | null;
  readonly kept: boolean | null;
}

/** A figure against what the stack is built for. */
export interface Peak {
  readonly name: string;
  readonly unit: string;
  readonly value: number | null;
  /** Null where nothing is promised. */
  readonly goal: number | null;
  /** Whether the goal is a floor. */
  readonly atLeast: boolean;
}

export interface MonitoredFigures {
  /** Seconds that the monitoring looks back, at most what was asked for. */
  readonly seconds: number;
  readonly objectives: readonly Objective[];
  readonly figures: readonly Peak[];
  readonly forecasts: readonly Forecast[];
}

/** Points of a forecast. */
const POINTS = 200;

/** How many of `seconds` the monitoring can look back: it may have been there for less. */
export async function lookBack(prometheus: Prometheus, seconds: number): Promise<number> {
  const [oldest] = await prometheus.query("time() - min(prometheus_tsdb_lowest_timestamp_seconds)");
  return Math.floor(Math.max(300, Math.min(seconds, oldest?.value || seconds)));
}

/** Asks the monitoring for objectives, cache figures, peaks and growth. */
export async function readFigures(prometheus: Prometheus, seconds: number): Promise<MonitoredFigures> {
  const window = `[${seconds}s]`;
  const one = async (expression: string): Promise<number | null> => {
    const [sample] = await prometheus.query(expression);
    return sample && Number.isFinite(sample.value) ? sample.value : null;
  };
  const ratio = (part: string, whole: string) => one(`${part} / (${whole} > 0)`);
  const sum = (series: string) => `sum(increase(${series}${window}))`;
  const duration = "dujyo_api_http_request_duration_seconds";
  const [errors, quick, hits, own, p95, requests, connections, evictions, memory] = await Promise.all([
    ratio(
      `(${sum('dujyo_api_http_responses_total{status="5xx"}')} or vector(0))`,
      sum("dujyo_api_http_responses_total"),
    ),
    ratio(sum(`${duration}_bucket{le="0.2", ${USER_ROUTES}}`), sum(`${duration}_count{${USER_ROUTES}}`)),
    ratio(sum('dujyo_api_cache_lookups_total{found=~"l1|redis"}'), sum("dujyo_api_cache_lookups_total")),
    ratio(sum('dujyo_api_cache_lookups_total{found="l1"}'), sum("dujyo_api_cache_lookups_total")),
    one(`histogram_quantile(0.95, sum by (le) (increase(${duration}_bucket{${USER_ROUTES}}${window})))`),
    one(`max_over_time(stack:dujyo_api_requests:rate5m${window})`),
    one(`max(max_over_time(instance:pg_connections:ratio${window}))`),
    one(sum("redis_evicted_keys_total")),
    one(`max(max_over_time(instance:redis_memory:ratio${window}))`),
  ]);
  const figure = (
    name: string,
    unit: string,
    value: number | null,
    goal: number | null,
    atLeast = false,
  ) => ({
    name,
    unit,
    value,
    goal,
    atLeast,
  });
  return {
    seconds,
    objectives: [
      objective("answers that are no 5xx", GOALS.availability, errors === null ? null : 1 - errors),
      objective("answers within 200 ms", GOALS.quickAnswers, quick),
    ],
    figures: [
      figure("look-ups answered by caches", "percentunit", hits, GOALS.hitRatio, true),
      figure("of them by the process's own", "percentunit", own, null),
      figure("95 % of the answers within", "s", p95, GOALS.responseP95),
      figure("most requests in a second, mean of 5 min", "short", requests, GOALS.requests),
      figure(
        "most connections of a member, share",
        "percentunit",
        connections,
        alertThreshold("PostgresConnectionsHigh").number,
      ),
      figure("entries that the cache threw out", "short", evictions, null),
      figure(
        "fullest node of the cache, share",
        "percentunit",
        memory,
        alertThreshold("RedisMemoryHigh").number,
      ),
    ],
    forecasts: await readForecasts(prometheus, seconds),
  };
}

/** @param reached share from 0 to 1; null without requests */
export function objective(name: string, goal: number, reached: number | null): Objective {
  const spent = reached === null ? null : (1 - reached) / (1 - goal);
  return { name, goal, reached, budget_spent: spent, kept: reached === null ? null : reached >= goal };
}

/** Names, units, series and limits of what grows. */
const GROWTH = [
  {
    name: "ledger's database, against the disk",
    unit: "bytes",
    series: `max(pg_database_size_bytes{${LEDGER}})`,
    limit: `max(pg_database_size_bytes{${LEDGER}}) + scalar(min(node_filesystem_avail_bytes{${DISKS}}))`,
  },
  {
    name: "fullest disk",
    unit: "bytes",
    series: `max(node_filesystem_size_bytes{${DISKS}} - node_filesystem_avail_bytes{${DISKS}})`,
    limit: `max(node_filesystem_size_bytes{${DISKS}})`,
  },
  {
    name: "requests per second",
    unit: "short",
    series: "stack:dujyo_api_requests:rate5m",
    limit: `vector(${GOALS.requests})`,
  },
  {
    name: "connections of the busiest member, share",
    unit: "percentunit",
    series: "max(instance:pg_connections:ratio)",
    limit: `vector(${alertThreshold("PostgresConnectionsHigh").number})`,
  },
];

async function readForecasts(prometheus: Prometheus, seconds: number): Promise<Forecast[]> {
  const now = Math.floor(Date.now() / 1_000);
  const step = Math.max(15, Math.ceil(seconds / POINTS));
  const found = await Promise.all(
    GROWTH.map(async ({ name, unit, series, limit }) => {
      const [values] = await prometheus.range(series, now - seconds, now, step);
      const [bound] = await prometheus.query(limit);
      return values && bound ? forecast(name, unit, values.points, bound.value) : undefined;
    }),
  );
  return found.filter((one) => one !== undefined);
}
