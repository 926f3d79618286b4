import { dashboard } from "./dashboard.ts";
import { ALERTS, GOALS } from "./goals.ts";
import { figure, graph, query, table } from "./panels.ts";
import { LEDGER, PICKED, rate, responseMean, responsePercentile, USER_ROUTES } from "./selectors.ts";

const objectives = [
  figure({
    title: "Availability over 30 days",
    description:
      "Share of users' requests that were not answered with a 5xx, over 30 days or what is kept of them. The goal is 99.9 %.",
    unit: "percentunit",
    decimals: 3,
    queries: [
      query(
        '1 - sum(increase(dujyo_api_http_responses_total{status="5xx"}[30d])) / sum(increase(dujyo_api_http_responses_total[30d]))',
        "available",
      ),
    ],
    bounds: [{ at: GOALS.availability, level: "critical", below: true }],
  }),
  figure({
    title: "Error budget burnt",
    description:
      "How many times faster than allowed errors use up the budget of 0.1 %, over the last hour. 1 lasts exactly for the period; 14.4 uses it up in two days and pages.",
    unit: "short",
    decimals: 2,
    queries: [query(`stack:dujyo_api_errors:ratio_rate1h / ${GOALS.errors}`, "times")],
    bounds: [
      { at: 1, level: "warning" },
      { at: 14.4, level: "critical" },
    ],
  }),
  figure({
    title: "Alerts firing",
    description:
      "Alerts that ask for somebody. The dead man's switch fires always and is left out. 0 is normal.",
    unit: "short",
    queries: [
      query(
        'count(ALERTS{alertstate="firing", severity!="none", alertname!="Watchdog"}) or vector(0)',
        "alerts",
      ),
    ],
    bounds: [{ at: 1, level: "critical" }],
  }),
  figure({
    title: "Targets down",
    description: "Parts that Prometheus can not read. 0 is normal.",
    unit: "short",
    queries: [query("count(up == 0) or vector(0)", "targets")],
    bounds: [{ at: 1, level: "critical" }],
  }),
  figure({
    title: "PostgreSQL leaders",
    description: "Members that say they are the primary. Exactly 1 is normal.",
    unit: "short",
    queries: [query("stack:patroni_primaries:sum", "leaders")],
    bounds: [{ at: 1, level: "critical", below: true }],
  }),
  figure({
    title: "Redis slots served",
    description:
      "Hash slots of the cluster that are served, as the worst-informed member sees it. 16384 is normal.",
    unit: "short",
    queries: [query("min(redis_cluster_slots_ok)", "slots")],
    bounds: [{ at: 16_384, level: "critical", below: true }],
  }),
];

const indicators = [
  graph({
    title: "Response time",
    description:
      "Time from a user's request to its answer. Goals: mean below 50 ms, p95 below 100 ms, p99 below 200 ms (drawn: p95 and p99). The alert fires at a p95 of 1 s.",
    unit: "s",
    queries: [
      query(responseMean(), "mean"),
      query(responsePercentile(0.95), "p95"),
      query(responsePercentile(0.99), "p99"),
    ],
    bounds: [
      { at: GOALS.responseP95, level: "warning" },
      { at: GOALS.responseP99, level: "critical" },
    ],
  }),
  graph({
    title: "Requests",
    description:
      "Users' requests by class of answer. The stack is built for 10,000 a second on machines of its own.",
    unit: "reqps",
    stacked: true,
    queries: [query(`sum by (status) (${rate("dujyo_api_http_responses_total")})`, "{{status}}")],
  }),
  graph({
    title: "Errors",
    description: "Share of users' requests answered with a 5xx. Goal: below 0.1 %; the alert fires at 5 %.",
    unit: "percentunit",
    queries: [query("stack:dujyo_api_errors:ratio_rate5m", "errors")],
    bounds: [
      { at: GOALS.errors, level: "warning" },
      { at: ALERTS.errors, level: "critical" },
    ],
  }),
  graph({
    title: "Cache hits",
    description:
      "Look-ups that the process's own cache or Redis answered. Goal: above 85 %; the alert fires below 80 %, given some traffic.",
    unit: "percentunit",
    max: 1,
    queries: [query("stack:dujyo_api_cache_hits:ratio_rate10m", "hits")],
    bounds: [
      { at: ALERTS.hitRatio, level: "critical", below: true },
      { at: GOALS.hitRatio, level: "warning", below: true },
    ],
  }),
  graph({
    title: "Database load spared",
    description: "Share of reads that never reached PostgreSQL. Goal: at least 70 %.",
    unit: "percentunit",
    max: 1,
    queries: [
      query(
        `sum(${rate('dujyo_api_cache_reads_total{origin=~"l1|redis|stale"}')}) / sum(${rate("dujyo_api_cache_reads_total")})`,
        "spared",
      ),
    ],
    bounds: [{ at: GOALS.databaseLoadSpared, level: "warning", below: true }],
  }),
  graph({
    title: "Balance and history",
    description:
      "p95 of the two routes that the specification names: a balance in 10 ms, a page of history in 50 ms.",
    unit: "s",
    queries: [
      query(responsePercentile(0.95, 'route="/balance/:address"'), "balance"),
      query(responsePercentile(0.95, 'route="/transactions/:address"'), "history"),
    ],
    bounds: [
      { at: GOALS.balance, level: "warning" },
      { at: GOALS.history, level: "critical" },
    ],
  }),
  graph({
    title: "Database transactions",
    description:
      "Transactions of the ledger's database by member. The stack is built for 5,000 queries a second on machines of its own.",
    unit: "ops",
    stacked: true,
    queries: [
      query(`sum by (instance) (${rate(`pg_stat_database_xact_commit{${LEDGER}}`)})`, "{{instance}}"),
    ],
  }),
  graph({
    title: "Cache operations",
    description:
      "Commands of Redis by member. The stack is built for 50,000 operations a second on machines of its own.",
    unit: "ops",
    stacked: true,
    queries: [query(`sum by (instance) (${rate("redis_commands_processed_total")})`, "{{instance}}")],
  }),
  graph({
    title: "Connections in use",
    description: "Share of the sessions that a member of PostgreSQL admits. The alert fires at 90 %.",
    unit: "percentunit",
    max: 1,
    queries: [query("instance:pg_connections:ratio", "{{instance}}")],
    bounds: [{ at: ALERTS.connections, level: "critical" }],
  }),
  graph({
    title: "Slow statements",
    description: "Share of statements whose mean is beyond a second (slowQueryMs). The alert fires at 10 %.",
    unit: "percentunit",
    queries: [query("instance:pg_statements_slow:ratio_rate10m", "{{instance}}")],
    bounds: [{ at: ALERTS.slowStatements, level: "critical" }],
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
