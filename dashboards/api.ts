import { dashboard } from "./dashboard.ts";
import { ALERTS, GOALS } from "./goals.ts";
import { graph, query, table } from "./panels.ts";
import { PICKED, rate, responsePercentile, sumBy, USER_ROUTES } from "./selectors.ts";

const PICKED_ROUTES = `${USER_ROUTES}, ${PICKED}`;
const each = (name: string, unitLegend = "{{instance}}") => query(`${name}{${PICKED}}`, unitLegend);

const requests = [
  graph({
    title: "Requests by route",
    description: "Users' requests a second.",
    unit: "reqps",
    stacked: true,
    queries: [
      query(
        sumBy("route", rate(`dujyo_api_http_request_duration_seconds_count{${PICKED_ROUTES}}`)),
        "{{route}}",
      ),
    ],
  }),
  graph({
    title: "Answers by class",
    description: "5xx are errors of the stack, 4xx those of its callers.",
    unit: "reqps",
    stacked: true,
    queries: [query(sumBy("status", rate(`dujyo_api_http_responses_total{${PICKED}}`)), "{{status}}")],
  }),
  graph({
    title: "Error share",
    description: "5xx of all answers, by instance. Goal: below 0.1 %; the alert fires at 5 %.",
    unit: "percentunit",
    queries: [
      query(
        `${sumBy("instance", rate(`dujyo_api_http_responses_total{status="5xx", ${PICKED}}`))} / (${sumBy("instance", rate(`dujyo_api_http_responses_total{${PICKED}}`))} > 0)`,
        "{{instance}}",
      ),
    ],
    bounds: [
      { at: GOALS.errors, level: "warning" },
      { at: ALERTS.errors, level: "critical" },
    ],
  }),
  graph({
    title: "Percentiles",
    description: "From the histogram, over all picked instances. Goals drawn: p95 100 ms, p99 200 ms.",
    unit: "s",
    queries: [0.5, 0.95, 0.99].map((quantile) =>
      query(responsePercentile(quantile, PICKED_ROUTES), `p${quantile * 100}`),
    ),
    bounds: [
      { at: GOALS.responseP95, level: "warning" },
      { at: GOALS.responseP99, level: "critical" },
    ],
  }),
  graph({
    title: "p95 by instance",
    description: "One instance apart from the others has a problem of its own.",
    unit: "s",
    queries: [query(responsePercentile(0.95, PICKED_ROUTES, ["instance"]), "{{instance}}")],
    bounds: [{ at: GOALS.responseP95, level: "warning" }],
  }),
  table({
    title: "p95 and rate by route",
    description: "Routes that were called within the range of the rate.",
    unit: "s",
    span: 8,
    queries: [
      query(responsePercentile(0.95, PICKED_ROUTES, ["route"]), "p95"),
      query(sumBy("route", rate(`dujyo_api_http_request_duration_seconds_count{${PICKED_ROUTES}}`)), "Rate"),
    ],
    columns: { route: "Route" },
    units: { Rate: "reqps" },
  }),
];

const caches = [
  graph({
    title: "Reads by origin",
    description:
      "Where answers came from: own cache, Redis, replica, primary, or an old value while the databases were out of reach.",
    unit: "reqps",
    stacked: true,
    queries: [query(sumBy("origin", rate(`dujyo_api_cache_reads_total{${PICKED}}`)), "{{origin}}")],
  }),
  graph({
    title: "Look-ups by layer",
    description: "What look-ups in the caches found.",
    unit: "reqps",
    stacked: true,
    queries: [query(sumBy("found", rate(`dujyo_api_cache_lookups_total{${PICKED}}`)), "{{found}}")],
  }),
  graph({
    title: "Hit ratio",
    description: "Both layers together. Goal: above 85 %; the alert fires below 80 %.",
    unit: "percentunit",
    max: 1,
    queries: [
      query("stack:dujyo_api_cache_hits:ratio_rate10m", "both"),
      query(
        `sum(${rate('dujyo_api_cache_lookups_total{found="l1"}')}) / sum(${rate("dujyo_api_cache_lookups_total")})`,
        "own cache",
      ),
    ],
    bounds: [
      { at: ALERTS.hitRatio, level: "critical", below: true },
      { at: GOALS.hitRatio, level: "warning", below: true },
    ],
  }),
  graph({
    title: "Own cache",
    description: "Bytes of ready-made answers in each process.",
    unit: "bytes",
    queries: [each("dujyo_api_l1_bytes")],
  }),
  graph({
    title: "Invalidation sessions",
    description:
      "1 while a session on which invalidations arrive proves that it delivers; at 0 the own cache is not used.",
    unit: "short",
    max: 1,
    queries: [each("dujyo_api_session_up", "{{instance}} {{session}}")],
    bounds: [{ at: 1, level: "critical", below: true }],
  }),
  graph({
    title: "Coherence gaps and cache errors",
    description:
      "Times that invalidations may have been missed (the own cache is emptied), and failed calls of Redis.",
    unit: "ops",
    queries: [
      query(sumBy("instance", rate(`dujyo_api_coherence_gaps_total{${PICKED}}`)), "{{instance}} gaps"),
      query(sumBy("instance", rate(`dujyo_api_cache_errors_total{${PICKED}}`)), "{{instance}} errors"),
    ],
  }),
];

const protection = [
  graph({
    title: "Circuit breakers",
    description: "0 closed, 1 half open, 2 open: what stands behind it is not asked.",
    unit: "short",
    max: 2,
    queries: [query(`max by (breaker) (dujyo_api_breaker_state{${PICKED}})`, "{{breaker}}")],
    bounds: [{ at: 2, level: "critical" }],
  }),
  graph({
    title: "Pool use",
    description: "Database connections at work as a share of the pool's limit.",
    unit: "percentunit",
    max: 1,
    queries: [
      query(
        `(dujyo_api_pool_connections{${PICKED}} - dujyo_api_pool_idle{${PICKED}}) / dujyo_api_pool_limit{${PICKED}}`,
        "{{instance}} {{pool}}",
      ),
    ],
    bounds: [{ at: ALERTS.connections, level: "critical" }],
  }),
  graph({
    title: "Waiting for a connection",
    description: "Requests in the queue of each pool; a full queue answers 503.",
    unit: "short",
    queries: [each("dujyo_api_pool_waiting", "{{instance}} {{pool}}")],
  }),
  graph({
    title: "In flight",
    description: "Requests being answered, as a share of how many are let in.",
    unit: "percentunit",
    max: 1,
    queries: [query(`dujyo_api_in_flight{${PICKED}} / dujyo_api_in_flight_limit{${PICKED}}`, "{{instance}}")],
  }),
  graph({
    title: "Refused, and calls of nodes that failed",
    description: "Requests turned away because too many were in flight, and failed calls of the databases.",
    unit: "ops",
    queries: [
      query(sumBy("instance", rate(`dujyo_api_refused_requests_total{${PICKED}}`)), "{{instance}} refused"),
      query(sumBy("node", rate(`dujyo_api_node_failures_total{${PICKED}}`)), "{{node}} failed"),
    ],
  }),
  graph({
    title: "Bookings",
    description:
      "Transfers booked and blocks sealed, and accounts whose last booking's outcome is not known yet.",
    unit: "short",
    queries: [
      query(`sum(${rate(`dujyo_api_bookings_total{${PICKED}}`)})`, "booked a second"),
      query(`sum(${rate(`dujyo_api_sealed_blocks_total{${PICKED}}`)})`, "sealed a second"),
      query(`sum(dujyo_api_unsettled_accounts{${PICKED}})`, "unsettled accounts"),
    ],
  }),
];

const processes = [
  graph({
    title: "Processor",
    description: "Share of one core that each process uses.",
    unit: "percentunit",
    queries: [query(rate(`process_cpu_seconds_total{job="api", ${PICKED}}`), "{{instance}}")],
  }),
  graph({
    title: "Memory",
    description: "Resident memory and the used heap of each process.",
    unit: "bytes",
    queries: [
      query(`process_resident_memory_bytes{job="api", ${PICKED}}`, "{{instance}} resident"),
      query(`dujyo_api_heap_used_bytes{${PICKED}}`, "{{instance}} heap"),
    ],
  }),
  graph({
    title: "Delay of the event loop",
    description: "p99 since the scrape before. Beyond 100 ms everything else is late, too.",
    unit: "s",
    queries: [each("dujyo_api_event_loop_delay_p99_seconds")],
    bounds: [{ at: 0.1, level: "warning" }],
  }),
];

export const api = dashboard({
  name: "api",
  description: "The service: how fast it answers and from where, and what protects it.",
  instancesOf: 'up{job="api"}',
  rows: [
    { title: "Requests", panels: requests },
    { title: "Cache layers", panels: caches },
    { title: "Breakers, pools, queues", panels: protection },
    { title: "Processes", panels: processes },
  ],
});
