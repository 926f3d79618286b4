import { builtFor, fires, goal, wrongBelow, wrongFrom } from "./bounds.ts";
import { dashboard } from "./dashboard.ts";
import { GOALS } from "./goals.ts";
import { figure, graph, query, table } from "./panels.ts";
import { PICKED, rate, responseMean, responsePercentile, USER_ROUTES } from "./selectors.ts";

/** A figure of an objective: eight of them stand side by side. */
const SPAN = 3;

/** Windows of the burn rates' alerts, with how their series are called. */
const WINDOWS = { "1h": "1 hour", "6h": "6 hours", "1d": "1 day", "3d": "3 days" };

/** How many times faster than allowed a budget is spent, over each window that an alert has. */
function burnRate(title: string, what: string, series: string, allowed: number, alerts: string) {
  return graph({
    title,
    description: `How many times faster than allowed ${what} use up their budget of 30 days, over the windows of the alerts. At 1 it lasts exactly.`,
    unit: "short",
    span: 12,
    queries: Object.entries(WINDOWS).map(([window, name]) =>
      query(`${series}:ratio_rate${window} / ${allowed}`, name),
    ),
    bounds: ["BurnsFast", "Burns", "BurnsSlowly", "Spent"].map((speed) =>
      fires(alerts + speed, { per: allowed }),
    ),
  });
}

const objectives = [
  figure({
    title: "Availability over 30 days",
    description: "Share of answers that were no 5xx, over 30 days or what is kept of them.",
    unit: "percentunit",
    decimals: 3,
    span: SPAN,
    queries: [
      query(
        '1 - (sum(increase(dujyo_api_http_responses_total{status="5xx"}[30d])) or vector(0)) / sum(increase(dujyo_api_http_responses_total[30d]))',
        "available",
      ),
    ],
    bounds: [goal(GOALS.availability, { below: true })],
  }),
  figure({
    title: "Error budget burnt",
    description:
      "How many times faster than allowed errors use up the budget of 0.1 %, over the last hour. 1 lasts exactly for the 30 days.",
    unit: "short",
    decimals: 2,
    span: SPAN,
    queries: [query(`stack:dujyo_api_errors:ratio_rate1h / ${GOALS.errors}`, "times")],
    bounds: [wrongFrom(1, "goal"), fires("ApiErrorBudgetBurnsFast", { per: GOALS.errors })],
  }),
  figure({
    title: "Within 200 ms over 30 days",
    description:
      "Share of users' requests that were answered within 200 ms, over 30 days or what is kept of them.",
    unit: "percentunit",
    decimals: 2,
    span: SPAN,
    queries: [
      query(
        `sum(increase(dujyo_api_http_request_duration_seconds_bucket{le="${GOALS.responseP99}", ${USER_ROUTES}}[30d])) / sum(increase(dujyo_api_http_request_duration_seconds_count{${USER_ROUTES}}[30d]))`,
        "within 200 ms",
      ),
    ],
    bounds: [goal(GOALS.quickAnswers, { below: true })],
  }),
  figure({
    title: "Latency budget burnt",
    description:
      "How many times faster than allowed late answers use up the budget of 1 %, over the last hour. 1 lasts exactly for the 30 days.",
    unit: "short",
    decimals: 2,
    span: SPAN,
    queries: [query(`stack:dujyo_api_slow:ratio_rate1h / ${GOALS.slowAnswers}`, "times")],
    bounds: [wrongFrom(1, "goal"), fires("ApiLatencyBudgetBurnsFast", { per: GOALS.slowAnswers })],
  }),
  figure({
    title: "Alerts firing",
    description: "Alerts that ask for somebody, pages and tickets. 0 is normal.",
    unit: "short",
    span: SPAN,
    queries: [query('count(ALERTS{alertstate="firing", severity=~"page|ticket"}) or vector(0)', "alerts")],
    bounds: [wrongFrom(1, "page")],
  }),
  figure({
    title: "Targets down",
    description: "Parts that Prometheus can not read. 0 is normal.",
    unit: "short",
    span: SPAN,
    queries: [query("count(up == 0) or vector(0)", "targets")],
    bounds: [wrongFrom(1, "page")],
  }),
  figure({
    title: "PostgreSQL leaders",
    description: "Members that say they are the primary. Exactly 1 is normal.",
    unit: "short",
    span: SPAN,
    queries: [query("stack:patroni_primaries:sum", "leaders")],
    bounds: [fires("PatroniNoLeader"), fires("PatroniTwoLeaders", { whole: true })],
  }),
  figure({
    title: "Redis slots served",
    description:
      "Hash slots of the cluster that are served, as the worst-informed member sees it. 16384 is normal.",
    unit: "short",
    span: SPAN,
    queries: [query("min(redis_cluster_slots_ok)", "slots")],
    bounds: [wrongBelow(16_384, "page")],
  }),
  burnRate(
    "Burn rate of the error budget",
    "errors (0.1 % are allowed)",
    "stack:dujyo_api_errors",
    GOALS.errors,
    "ApiErrorBudget",
  ),
  burnRate(
    "Burn rate of the latency budget",
    "answers later than 200 ms (1 % is allowed)",
    "stack:dujyo_api_slow",
    GOALS.slowAnswers,
    "ApiLatencyBudget",
  ),
];

const indicators = [
  graph({
    title: "Response time",
    description: "Time from a user's request to its answer.",
    unit: "s",
    queries: [
      query(responseMean(), "mean"),
      query(responsePercentile(0.95), "p95"),
      query(responsePercentile(0.99), "p99"),
    ],
    bounds: [
      goal(GOALS.responseMean, { of: "mean" }),
      goal(GOALS.responseP95, { of: "p95" }),
      goal(GOALS.responseP99, { of: "p99" }),
      fires("ApiResponseSlow"),
    ],
  }),
  graph({
    title: "Requests",
    description: "Users' requests by class of answer.",
    unit: "reqps",
    stacked: true,
    queries: [query(`sum by (status) (${rate("dujyo_api_http_responses_total")})`, "{{status}}")],
    bounds: [builtFor(GOALS.requests)],
  }),
  graph({
    title: "Errors",
    description: "Share of users' requests answered with a 5xx, over 5 minutes.",
    unit: "percentunit",
    queries: [query("stack:dujyo_api_errors:ratio_rate5m", "errors")],
    bounds: [goal(GOALS.errors), fires("ApiErrorsHigh")],
  }),
  graph({
    title: "Cache hits",
    description: "Look-ups that the process's own cache or Redis answered, over 10 minutes.",
    unit: "percentunit",
    max: 1,
    queries: [query("stack:dujyo_api_cache_hits:ratio_rate10m", "hits")],
    bounds: [goal(GOALS.hitRatio, { below: true }), fires("CacheHitsLow")],
  }),
  graph({
    title: "Database load spared",
    description: "Share of reads that never reached PostgreSQL.",
    unit: "percentunit",
    max: 1,
    queries: [
      query(
        `sum(${rate('dujyo_api_cache_reads_total{origin=~"l1|redis|stale"}')}) / sum(${rate("dujyo_api_cache_reads_total")})`,
        "spared",
      ),
    ],
    bounds: [goal(GOALS.databaseLoadSpared, { below: true })],
  }),
  graph({
    title: "Balance and history",
    description: "p95 of the two routes that the specification names.",
    unit: "s",
    queries: [
      query(responsePercentile(0.95, 'route="/balance/:address"'), "balance"),
      query(responsePercentile(0.95, 'route="/transactions/:address"'), "history"),
    ],
    bounds: [goal(GOALS.balance, { of: "balance" }), goal(GOALS.history, { of: "history" })],
  }),
  graph({
    title: "Database queries",
    description: "Statements that each member ran for the ledger's database.",
    unit: "ops",
    stacked: true,
    queries: [
      query(`sum by (instance) (${rate('dujyo_pg_statements_calls_total{speed="all"}')})`, "{{instance}}"),
    ],
    bounds: [builtFor(GOALS.queries)],
  }),
  graph({
    title: "Cache operations",
    description: "Commands of Redis by member.",
    unit: "ops",
    stacked: true,
    queries: [query(`sum by (instance) (${rate("redis_commands_processed_total")})`, "{{instance}}")],
    bounds: [builtFor(GOALS.cacheOperations)],
  }),
  graph({
    title: "Connections in use",
    description: "Share of the sessions that a member of PostgreSQL admits.",
    unit: "percentunit",
    max: 1,
    queries: [query("instance:pg_connections:ratio", "{{instance}}")],
    bounds: [fires("PostgresConnectionsHigh")],
  }),
  graph({
    title: "Slow statements",
    description: "Share of statements whose mean over 10 minutes is beyond a second (slowQueryMs).",
    unit: "percentunit",
    queries: [query("instance:pg_statements_slow:ratio_rate10m", "{{instance}}")],
    bounds: [fires("PostgresSlowStatements")],
  }),
  graph({
    title: "Replay lag in bytes",
    description: "Log that the primary has written and a standby has not replayed.",
    unit: "bytes",
    queries: [query("standby:pg_replication_lag_bytes:max", "{{standby}}")],
    bounds: [fires("ReplicationLagBytes")],
  }),
  graph({
    title: "Disk free",
    description: "Share of each file system that holds data.",
    unit: "percentunit",
    max: 1,
    queries: [query("instance_device:node_filesystem_free:ratio", "{{instance}} {{device}}")],
    bounds: [fires("DiskNearlyFull")],
  }),
];

const state = [
  table({
    title: "Targets",
    description: "Every part that Prometheus reads, and how long reading it takes. Up is 1.",
    unit: "short",
    queries: [query(`up{${PICKED}}`, "Up"), query(`scrape_duration_seconds{${PICKED}}`, "Read in")],
    columns: { job: "Part", instance: "Instance" },
    units: { "Read in": "s" },
  }),
  table({
    title: "Slowest routes",
    description: "Mean time and rate of each route that users call.",
    unit: "s",
    queries: [
      query(
        `sum by (route) (${rate(`dujyo_api_http_request_duration_seconds_sum{${USER_ROUTES}}`)}) / sum by (route) (${rate(`dujyo_api_http_request_duration_seconds_count{${USER_ROUTES}}`)})`,
        "Mean",
      ),
      query(
        `sum by (route) (${rate(`dujyo_api_http_request_duration_seconds_count{${USER_ROUTES}}`)})`,
        "Rate",
      ),
    ],
    columns: { route: "Route" },
    units: { Rate: "reqps" },
  }),
];

export const overview = dashboard({
  name: "overview",
  description: "Is the stack well, and does it keep what the specification promises?",
  instancesOf: "up",
  rows: [
    { title: "Objectives", panels: objectives },
    { title: "The specification's indicators and their goals", panels: indicators },
    { title: "State", panels: state },
  ],
});
