import { fires, goal } from "./bounds.ts";
import { dashboard } from "./dashboard.ts";
import { GOALS } from "./goals.ts";
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
    description: "5xx of all answers, by instance; the alert is about all of them together.",
    unit: "percentunit",
    queries: [
      query(
        `${sumBy("instance", rate(`dujyo_api_http_responses_total{status="5xx", ${PICKED}}`))} / (${sumBy("instance", rate(`dujyo_api_http_responses_total{${PICKED}}`))} > 0)`,
        "{{instance}}",
      ),
    ],
    bounds: [goal(GOALS.errors), fires("ApiErrorsHigh")],
  }),
  graph({
    title: "Percentiles",
    description: "From the histogram, over all picked instances.",
    unit: "s",
    queries: [0.5, 0.95, 0.99].map((quantile) =>
      query(responsePercentile(quantile, PICKED_ROUTES), `p${quantile * 100}`),
    ),
    bounds: [
      goal(GOALS.responseP95, { of: "p95" }),
      goal(GOALS.responseP99, { of: "p99" }),
      fires("ApiResponseSlow"),
    ],
  }),
  graph({
    title: "p95 by instance",
    description: "One instance apart from the others has a problem of its own.",
    unit: "s",
    queries: [query(responsePercentile(0.95, PICKED_ROUTES, ["instance"]), "{{instance}}")],
    bounds: [goal(GOALS.responseP95)],
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
    description: "Look-ups that both layers together, and the own cache alone, answered.",
    unit: "percentunit",
    max: 1,
    queries: [
      query("stack:dujyo_api_cache_hits:ratio_rate10m", "both"),
      query(
        `sum(${rate('dujyo_api_cache_lookups_total{found="l1"}')}) / sum(${rate("dujyo_api_cache_lookups_total")})`,
        "own cache",
      ),
    ],
    bounds: [goal(GOALS.hitRatio, { below: true }), fires("CacheHitsLow")],
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
    bounds: [fires("ApiInvalidationLost")],
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
    bounds: [fires("ApiCacheErrors")],
  }),
];

const protection = [
  graph({
    title: "Circuit breakers",
    description: "0 closed, 1 half open, 2 open: what stands behind it is not asked.",
    unit: "short",
    max: 2,
    queries: [query(`max by (breaker) (dujyo_api_breaker_state{${PICKED}})`, "{{breaker}}")],
    bounds: [fires("ApiBreakerOpen", { whole: true })],
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
  }),
  graph({
    title: "Waiting for a connection",
    description:
      "Requests in the queue of each pool as a share of how many may wait; a full queue answers 503.",
    unit: "percentunit",
    max: 1,
    queries: [
      query(
        `dujyo_api_pool_waiting{${PICKED}} / (dujyo_api_pool_queue_limit{${PICKED}} > 0)`,
        "{{instance}} {{pool}}",
      ),
    ],
    bounds: [fires("ApiQueueFull")],
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
    bounds: [fires("ApiNodeFailures")],
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
    description: "p99 since the scrape before. What holds it up makes everything else late, too.",
    unit: "s",
    queries: [each("dujyo_api_event_loop_delay_p99_seconds")],
    bounds: [fires("ApiEventLoopSlow")],
  }),
  graph({
    title: "Errors in the log",
    description: "Lines of the levels error and fatal that each process wrote. 0 is normal.",
    unit: "ops",
    queries: [
      query(
        sumBy("instance", rate(`dujyo_api_log_lines_total{level=~"error|fatal", ${PICKED}}`)),
        "{{instance}}",
      ),
    ],
    bounds: [fires("ApiLogErrors")],
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
