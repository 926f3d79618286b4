import { fires } from "./bounds.ts";
import { dashboard } from "./dashboard.ts";
import { graph, query, table } from "./panels.ts";
import { PICKED, rate } from "./selectors.ts";

const POOL = `database!="pgbouncer", ${PICKED}`;
const perDatabase = (name: string) => `sum by (instance, database) (${rate(`${name}{${POOL}}`)})`;

const pools = [
  graph({
    title: "Clients by pool",
    description:
      "Clients that are served, and clients that wait for a server session. Waiting should be a flicker.",
    unit: "short",
    queries: [
      query(
        `sum by (instance, database) (pgbouncer_pools_client_active_connections{${POOL}})`,
        "{{database}} served",
      ),
      query(
        `sum by (instance, database) (pgbouncer_pools_client_waiting_connections{${POOL}})`,
        "{{database}} waiting",
      ),
    ],
  }),
  graph({
    title: "Longest wait",
    description: "How long the first client in the queue has waited.",
    unit: "s",
    queries: [
      query(`max by (instance, database) (pgbouncer_pools_client_maxwait_seconds{${POOL}})`, "{{database}}"),
    ],
    bounds: [fires("PgBouncerWaitLong")],
  }),
  graph({
    title: "Server sessions by pool",
    description: "Sessions to PostgreSQL that work, and those that are open for the next client.",
    unit: "short",
    queries: [
      query(
        `sum by (instance, database) (pgbouncer_pools_server_active_connections{${POOL}})`,
        "{{database}} working",
      ),
      query(
        `sum by (instance, database) (pgbouncer_pools_server_idle_connections{${POOL}})`,
        "{{database}} idle",
      ),
    ],
  }),
  graph({
    title: "Use of each pool",
    description: "Server sessions at work as a share of the pool's size.",
    unit: "percentunit",
    max: 1,
    queries: [query(`instance_database:pgbouncer_pool_use:ratio{${PICKED}}`, "{{database}}")],
    bounds: [fires("PgBouncerPoolBusy")],
  }),
  graph({
    title: "Connection budget",
    description: "Server sessions of each database as a share of the most that the pooler may open.",
    unit: "percentunit",
    max: 1,
    queries: [query(`instance_name:pgbouncer_budget:ratio{${PICKED}}`, "{{name}}")],
    bounds: [fires("PgBouncerBudgetSpent")],
  }),
  graph({
    title: "Queries",
    description: "Queries that went through each pool.",
    unit: "ops",
    queries: [query(perDatabase("pgbouncer_stats_queries_pooled_total"), "{{database}}")],
  }),
  graph({
    title: "Mean time of a query",
    description: "As the pooler sees it, the wait for a server session left out.",
    unit: "s",
    queries: [
      query(
        `${perDatabase("pgbouncer_stats_queries_duration_seconds_total")} / (${perDatabase("pgbouncer_stats_queries_pooled_total")} > 0)`,
        "{{database}}",
      ),
    ],
  }),
  graph({
    title: "Time spent waiting for a session",
    description:
      "Seconds that clients waited, a second. More than 1 means that on average somebody always waits.",
    unit: "s",
    queries: [query(perDatabase("pgbouncer_stats_client_wait_seconds_total"), "{{database}}")],
  }),
];

const routing = [
  table({
    title: "Endpoints and members",
    description:
      "Which member serves which endpoint: the leader the writer, standbys within the lag bound the reader.",
    unit: "short",
    queries: [
      query(`max by (proxy, server) (haproxy_server_status{job="haproxy", state="UP", ${PICKED}})`, "Up"),
      query(`max by (proxy, server) (haproxy_server_current_sessions{job="haproxy", ${PICKED}})`, "Sessions"),
      query(
        `max by (proxy, server) (haproxy_server_check_duration_seconds{job="haproxy", ${PICKED}})`,
        "Check takes",
      ),
    ],
    columns: { proxy: "Endpoint", server: "Member" },
    units: { "Check takes": "s" },
  }),
  graph({
    title: "Members behind the writer",
    description: "Members that the writer endpoint sends to. Exactly 1 is normal.",
    unit: "short",
    span: 6,
    queries: [
      query(`haproxy_backend_active_servers{job="haproxy", proxy="writer", ${PICKED}}`, "{{instance}}"),
    ],
    bounds: [fires("WriterEndpointEmpty"), fires("WriterEndpointAmbiguous", { whole: true })],
  }),
  graph({
    title: "Members behind the reader",
    description: "Standbys within the lag bound. Without one the primary reads, too.",
    unit: "short",
    span: 6,
    queries: [
      query(`haproxy_backend_active_servers{job="haproxy", proxy="reader", ${PICKED}}`, "{{instance}}"),
    ],
    bounds: [fires("ReaderEndpointEmpty")],
  }),
  graph({
    title: "Sessions by endpoint",
    description: "Open sessions through HAProxy.",
    unit: "short",
    queries: [
      query(`sum by (proxy) (haproxy_backend_current_sessions{job="haproxy", ${PICKED}})`, "{{proxy}}"),
    ],
  }),
  graph({
    title: "Bytes",
    description: "What goes from and to the members of PostgreSQL.",
    unit: "Bps",
    queries: [
      query(
        `sum by (proxy) (${rate(`haproxy_backend_bytes_in_total{job="haproxy", ${PICKED}}`)})`,
        "{{proxy}} in",
      ),
      query(
        `sum by (proxy) (${rate(`haproxy_backend_bytes_out_total{job="haproxy", ${PICKED}}`)})`,
        "{{proxy}} out",
      ),
    ],
  }),
  graph({
    title: "Failures to connect",
    description:
      "Attempts that a member refused or that ran out of time. They go up in a failover; otherwise 0.",
    unit: "ops",
    queries: [
      query(
        `sum by (proxy) (${rate(`haproxy_backend_connection_errors_total{job="haproxy", ${PICKED}}`)})`,
        "{{proxy}}",
      ),
    ],
    bounds: [fires("EndpointConnectionErrors")],
  }),
  graph({
    title: "The API's gateway",
    description:
      "Requests handed to each instance of the API. Only where the stack brings a gateway of its own.",
    unit: "reqps",
    queries: [
      query(
        `sum by (server) (${rate(`haproxy_server_sessions_total{job="gateway", ${PICKED}}`)})`,
        "{{server}}",
      ),
    ],
  }),
  graph({
    title: "Changes of state",
    description: "How often members went up or down in the last quarter of an hour.",
    unit: "short",
    queries: [
      query(
        `sum by (proxy, server) (increase(haproxy_server_check_up_down_total{job="haproxy", ${PICKED}}[15m]))`,
        "{{proxy}} {{server}}",
      ),
    ],
    bounds: [fires("EndpointServerFlapping")],
  }),
];

export const pooling = dashboard({
  name: "pooling",
  description: "The way of a statement: PgBouncer's pools, then HAProxy's writer and reader.",
  instancesOf: 'up{job=~"pgbouncer|haproxy|gateway"}',
  rows: [
    { title: "PgBouncer", panels: pools },
    { title: "HAProxy", panels: routing },
  ],
});
