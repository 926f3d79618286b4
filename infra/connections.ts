import { MOST_REDIS_MEMBERS, PORTS } from "./ports.ts";
import { storeAddress } from "./settings/object-store.ts";
import type { Settings } from "./settings/schema.ts";

/** Whatever is not part of the stack: clients who come in, receivers of alerts. */
export const OUTSIDE = "outside";

/** Programs and people in the networks of `access.allowedCidrs`, which use the data ports. */
export const CLIENTS = "clients";

/** People in the networks of `access.adminCidrs`. */
export const ADMINS = "admins";

/** The interface of the platform that the stack runs on, where Patroni elects through it. */
export const PLATFORM = "platform";

/** The Prometheus that the cluster has already, where it reads the stack's figures. */
export const WATCHER = "watcher";

/** The second site of the same database. */
export const OTHER_SITE = "other-site";

/** The S3-compatible store that the repository of backups is in. */
export const OBJECT_STORE = "object-store";

/** Parts whose members others know by name; the rest are known by the name of their service alone. */
export const KNOWN_BY_MEMBER: ReadonlySet<string> = new Set([
  "alertmanager",
  "backup",
  "etcd",
  "grafana",
  "postgres",
  "postgres-exporter",
  "prometheus",
  "redis",
]);

/** One part opens sessions with another. */
export interface Connection {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** Last port of a range that begins with {@link port}. @default that one alone */
  readonly lastPort?: number;
  /** What it is for. */
  readonly why: string;
}

/** Ports on which a cluster's API is served. */
const PLATFORM_PORTS = [443, 6443];
/** Mail submission and HTTPS: what receivers of alerts listen on. */
const RECEIVER_PORTS = [443, 587];

/**
 * Who talks to whom, all of it: whatever is not in here may be denied.
 *
 * @param coordination what Patroni elects through
 */
export function connections(settings: Settings, coordination: "etcd" | "kubernetes"): Connection[] {
  return [
    ...postgresConnections(coordination),
    ...siteConnections(settings),
    ...REDIS_CONNECTIONS,
    ...apiConnections(coordination),
    ...backupConnections(settings),
    ...clientConnections(settings),
    ...(settings.monitoring.enabled ? monitoringConnections(settings, coordination) : []),
  ];
}

/**
 * Networks, CIDR, of those outside that come, or are reached, by address; by the names that {@link connections} has them under.
 */
export function outsideNetworks({
  access,
  backup,
  postgres,
}: Pick<Settings, "access" | "backup" | "postgres">): Readonly<Record<string, readonly string[]>> {
  return {
    [CLIENTS]: access.allowedCidrs,
    [ADMINS]: access.adminCidrs,
    [OTHER_SITE]: [postgres.otherSite.network],
    [OBJECT_STORE]: [backup.s3.network],
  };
}

function each(from: string, to: string, ports: readonly number[], why: string): Connection[] {
  return ports.map((port) => ({ from, to, port, why }));
}

function postgresConnections(coordination: "etcd" | "kubernetes"): Connection[] {
  const electors = ["postgres", "postgres-seed"];
  const store =
    coordination === "etcd"
      ? [
          ...[...electors, "etcd"].flatMap((from) =>
            each(from, "etcd", [PORTS.etcdClient], "elections and the shared configuration"),
          ),
          ...each("etcd", "etcd", [PORTS.etcdPeer], "consensus"),
        ]
      : electors.flatMap((from) =>
          each(from, PLATFORM, PLATFORM_PORTS, "elections and the shared configuration"),
        );
  return [
    ...store,
    ...each("postgres", "postgres", [PORTS.postgres, PORTS.patroni], "replication; who is behind, failsafe"),
    ...each("postgres-seed", "postgres", [PORTS.patroni], "hand-over before members leave"),
    ...each("postgres-settle", "postgres", [PORTS.postgres, PORTS.patroni], "roles; restarts, hand-over"),
    ...each("postgres-settle", "pgbouncer", [PORTS.pgbouncer], "telling it of changed passwords"),
    ...each("haproxy", "postgres", [PORTS.postgres, PORTS.patroni], "sessions; who leads"),
    ...each("pgbouncer", "haproxy", [PORTS.writer, PORTS.reader], "pooled sessions"),
    ...each("migrate", "haproxy", [PORTS.writer], "migrations, past the pooler"),
  ];
}

function siteConnections({ postgres }: Settings): Connection[] {
  const { host, port } = postgres.otherSite;
  if (host === "") return [];
  return [
    ...each(OTHER_SITE, "haproxy", [PORTS.writer], "replication into the other site; whether this one leads"),
    ...each("postgres", OTHER_SITE, [port], "replication from the other site; whether it leads"),
    ...each("postgres-settle", OTHER_SITE, [port], "whether it leads"),
  ];
}

/**
 * Ports of as many members as there may ever be: with those of the present ones alone, a member that is to leave would be
 * cut off before it has handed over what it holds.
 */
function toRedis(from: string, why: string, distance = 0): Connection {
  const port = PORTS.redis + distance;
  return { from, to: "redis", port, lastPort: port + MOST_REDIS_MEMBERS - 1, why };
}

const REDIS_CONNECTIONS = [
  toRedis("redis", "replication"),
  toRedis("redis", "the cluster's bus", PORTS.redisBusDistance),
  toRedis("redis-drain", "moving slots off members that leave"),
  toRedis("redis-reconcile", "forming the cluster, moving slots"),
];

function backupConnections({ backup }: Settings): Connection[] {
  if (!backup.enabled) return [];
  return [
    ...each("postgres", "backup", [PORTS.pgbackrest], "WAL for the archive"),
    ...each("backup", "postgres", [PORTS.pgbackrest], "files for a backup"),
    ...each("backup", "postgres", [PORTS.postgres], "hashes that a trial restore is compared with"),
    ...(backup.s3.endpoint === ""
      ? []
      : each("backup", OBJECT_STORE, [storeAddress(backup.s3).port], "the repository")),
  ];
}

/** Where the stack brings a store of its own, it brings the API's balancer, too: there is no platform that has either. */
function apiConnections(coordination: "etcd" | "kubernetes"): Connection[] {
  const entry =
    coordination === "etcd"
      ? [
          ...each(OUTSIDE, "gateway", [PORTS.api], "requests"),
          ...each("gateway", "api", [PORTS.api], "requests"),
        ]
      : each(OUTSIDE, "api", [PORTS.api], "requests");
  return [
    ...entry,
    ...each("api", "pgbouncer", [PORTS.pgbouncer], "reads and writes"),
    ...each("api", "haproxy", [PORTS.writer], "listening for invalidations, past the pooler"),
    toRedis("api", "the cache"),
  ];
}

/** Of those who come by address; whoever is not of the stack comes in nowhere else but at {@link OUTSIDE}. */
function clientConnections({ access, monitoring }: Settings): Connection[] {
  const clients =
    access.allowedCidrs.length === 0
      ? []
      : [
          ...each(CLIENTS, "postgres", [PORTS.postgres], "sessions with a member"),
          ...each(CLIENTS, "haproxy", [PORTS.writer, PORTS.reader], "sessions"),
          ...each(CLIENTS, "pgbouncer", [PORTS.pgbouncer], "pooled sessions"),
          toRedis(CLIENTS, "the cache"),
        ];
  if (access.adminCidrs.length === 0 || !monitoring.enabled || monitoring.mode === "operator") return clients;
  return [
    ...clients,
    ...each(ADMINS, "prometheus", [PORTS.prometheus], "its page"),
    ...each(ADMINS, "alertmanager", [PORTS.alertmanager], "its page"),
    ...(monitoring.grafana ? each(ADMINS, "grafana", [PORTS.grafana], "its page") : []),
  ];
}

function monitoringConnections(settings: Settings, coordination: "etcd" | "kubernetes"): Connection[] {
  const scraped: (readonly [string, number])[] = [
    ["postgres-exporter", PORTS.postgresExporter],
    ["redis-exporter", PORTS.redisExporter],
    ["node-exporter", PORTS.nodeExporter],
    ["postgres", PORTS.patroni],
    ["haproxy", PORTS.haproxyMetrics],
    ["api", PORTS.api],
    ...(settings.backup.enabled ? ([["backup", PORTS.backupFigures]] as const) : []),
    ...(coordination === "etcd"
      ? ([
          ["pgbouncer-exporter", PORTS.pgbouncerExporter],
          ["etcd", PORTS.etcdClient],
          ["gateway", PORTS.haproxyMetrics],
        ] as const)
      : ([
          // Beside what they watch, where the platform has pods.
          ["pgbouncer", PORTS.pgbouncerExporter],
          ["postgres", PORTS.nodeExporter],
          ["redis", PORTS.nodeExporter],
        ] as const)),
  ];
  const { mode, receivers, heartbeat } = settings.monitoring;
  const exporters = [
    ...each("postgres-exporter", "postgres", [PORTS.postgres], "figures"),
    ...(coordination === "etcd" ? each("pgbouncer-exporter", "pgbouncer", [PORTS.pgbouncer], "figures") : []),
    toRedis("redis-exporter", "figures"),
  ];
  if (mode === "operator")
    return [...scraped.flatMap(([part, port]) => each(WATCHER, part, [port], "figures")), ...exporters];
  return [
    ...scraped.flatMap(([part, port]) => each("prometheus", part, [port], "figures")),
    ...(settings.monitoring.grafana
      ? each("grafana", "prometheus", [PORTS.prometheus], "figures to show")
      : []),
    ...each("prometheus", "alertmanager", [PORTS.alertmanager], "alerts; figures"),
    ...(coordination === "kubernetes"
      ? ["prometheus", "alertmanager"].flatMap((part) =>
          each("prometheus", part, [PORTS.nodeExporter], "figures"),
        )
      : []),
    ...exporters,
    ...(receivers.length > 0 || heartbeat
      ? each("alertmanager", OUTSIDE, RECEIVER_PORTS, "telling whoever is on duty")
      : []),
  ];
}
