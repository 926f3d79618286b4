import type { Settings } from "./settings/schema.ts";

/** Ports inside the stack's network; the published ones add `portOffset`. */
export const PORTS = {
  postgres: 5432,
  patroni: 8008,
  /** pgBackRest's own server, on members and on the repository's host. */
  pgbackrest: 8432,
  etcdClient: 2379,
  etcdPeer: 2380,
  writer: 5000,
  reader: 5001,
  haproxyMetrics: 8404,
  pgbouncer: 6432,
  api: 8083,
  prometheus: 9090,
  alertmanager: 9093,
  grafana: 3000,
  postgresExporter: 9187,
  pgbouncerExporter: 9127,
  redisExporter: 9121,
  nodeExporter: 9100,
  backupFigures: 9854,
  redis: 6379,
  /** Redis's own distance between a member's port and its cluster bus. */
  redisBusDistance: 10_000,
} as const;

/** A port on the loopback interface and the part that listens there. */
export interface PublishedPort {
  readonly part: string;
  readonly port: number;
}

/** Members of PostgreSQL: the primary and its replicas. */
export function postgresMembers({ postgres }: Settings): number {
  return postgres.replicas + 1;
}

/** Members of the Redis Cluster: every shard's primary and replicas. */
export function redisMembers({ redis }: Settings): number {
  return redis.shards * (redis.replicasPerShard + 1);
}

const numbered = (part: string, count: number, first: number): PublishedPort[] =>
  Array.from({ length: count }, (_, ordinal) => ({ part: `${part}-${ordinal}`, port: first + ordinal }));

/** Of {@link redisMembers}, by the settings' limits: 100 shards of a primary and five replicas. */
export const MOST_REDIS_MEMBERS = 600;

/** Every port that a stack on Docker publishes on 127.0.0.1, the offset added. */
export function publishedPorts(settings: Settings): PublishedPort[] {
  const ports = [
    ...numbered("postgres", postgresMembers(settings), PORTS.postgres),
    { part: "haproxy", port: PORTS.writer },
    { part: "haproxy", port: PORTS.reader },
    { part: "pgbouncer", port: PORTS.pgbouncer },
    { part: "gateway", port: PORTS.api },
    ...numbered("redis", redisMembers(settings), PORTS.redis),
    ...(settings.monitoring.enabled
      ? [
          { part: "prometheus", port: PORTS.prometheus },
          { part: "alertmanager", port: PORTS.alertmanager },
          ...(settings.monitoring.grafana ? [{ part: "grafana", port: PORTS.grafana }] : []),
        ]
      : []),
  ];
  return ports.map(({ part, port }) => ({ part, port: port + settings.portOffset }));
}
