import { Type } from "typebox";

import { EpochSeconds, Nullable } from "./fields.ts";

/** What health checks, figures for people and admin routes answer. */

const Count = Type.Integer({ minimum: 0 });
const Share = Type.Number({ minimum: 0, maximum: 1 });
const Instance = Type.String({ description: "who answered; `fleet` has the totals" });
const HitRatio = Nullable(Share);
const Scope = Type.Union([Type.Literal("fleet"), Type.Literal("instance")], {
  description: "`instance` while the others' figures are out of reach",
});

export const Health = Type.Object({
  status: Type.Literal("ok"),
  timestamp: EpochSeconds,
  version: Type.String(),
  uptime: Type.Integer({ description: "seconds" }),
});

export const Readiness = Type.Object({
  status: Type.Union([Type.Literal("ok"), Type.Literal("unready")]),
  detail: Type.String(),
});

const Breakers = Type.Record(
  Type.String(),
  Type.Union([Type.Literal("closed"), Type.Literal("half-open"), Type.Literal("open")]),
  { description: "by what is behind each" },
);

const Requests = {
  requests_total: Count,
  error_rate: Share,
  response_time_ms: Type.Object({
    average: Nullable(Type.Number()),
    p95_at_most: Nullable(Type.Number({ description: "upper bound of the histogram's bucket" })),
    p99_at_most: Nullable(Type.Number()),
  }),
  reads_by_origin: Type.Record(Type.String(), Count),
  uptime_seconds: Count,
  caches_trusted: Type.Boolean({ description: "whether invalidations are proved to arrive" }),
};

const Fleet = Type.Object({
  instances: Type.Array(Type.String()),
  totals: Type.Record(Type.String(), Type.Number()),
  scope: Scope,
});

const Pool = {
  size: Count,
  idle: Count,
  active_connections: Count,
  waiting: Count,
  limit: Count,
};

const Database = {
  master: Type.Object({ name: Type.Literal("master"), ...Pool, is_healthy: Type.Boolean() }),
  reader_pool: Type.Object(Pool, {
    description:
      "This process's sessions for reads, of all replicas together: pooler and router choose the replica anew for each transaction, and tell nobody which",
  }),
  replicas: Type.Array(
    Type.Object({
      name: Type.String({ description: "`replica_N` for one that the primary does not see" }),
      is_healthy: Type.Boolean(),
      state: Nullable(Type.String({ description: "as the primary sees it" })),
      lag_bytes: Nullable(Type.Number({ description: "log that it has yet to replay" })),
    }),
    { description: "every replica that there should be; sessions stand in `reader_pool`, which says why" },
  ),
  total_healthy_replicas: Count,
  total_replicas: Count,
};

const Cache = {
  status: Type.Union([Type.Literal("healthy"), Type.Literal("degraded"), Type.Literal("unreachable")]),
  pool_size: Count,
  pool_idle: Count,
  memory_used: Nullable(Type.String({ description: 'of all primaries, as Redis writes it: "1.2M"' })),
  memory_used_bytes: Nullable(Count),
  nodes: Type.Array(Type.Object({ node: Type.String(), healthy: Type.Boolean() })),
  l1: Type.Object({ entries: Count, bytes: Count }),
  hit_ratio: HitRatio,
};

const Degradable = Type.Union([Type.Literal("healthy"), Type.Literal("degraded")]);

export const DetailedHealth = Type.Object({
  status: Degradable,
  timestamp: Type.String({ description: "RFC 3339" }),
  instance: Instance,
  database: Type.Object({
    status: Degradable,
    connection_pool_size: Count,
    active_connections: Count,
    idle_connections: Count,
    read_replicas_healthy: Count,
    total_read_replicas: Type.Integer({ minimum: 0, description: "that there should be" }),
  }),
  cache: Type.Object({
    status: Cache.status,
    hit_ratio: HitRatio,
    connection_count: Count,
    memory_usage: Cache.memory_used,
  }),
  metrics: Type.Object({ ...Requests, circuit_breakers: Breakers }),
});

export const Metrics = Type.Object({
  timestamp: Type.String({ description: "RFC 3339" }),
  instance: Instance,
  cache_hit_ratio: HitRatio,
  cache: Type.Object({ lookups: Count, hits: Count, window_seconds: Count, scope: Scope }),
  ...Requests,
  circuit_breakers: Breakers,
  fleet: Fleet,
});

export const CacheStats = Type.Object({ instance: Instance, ...Cache, fleet: Fleet });

export const DatabaseStats = Type.Object({ instance: Instance, ...Database, fleet: Fleet });

export const Performance = Type.Object({
  instance: Instance,
  database: Type.Object(Database),
  cache: Type.Object(Cache),
  circuit_breaker_open: Type.Boolean(),
  circuit_breakers: Breakers,
  ...Requests,
  fleet: Fleet,
});
