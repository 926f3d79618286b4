import { bytes, mebibytes } from "../lib/units.ts";
import { PORTS, postgresMembers, publishedPorts, redisMembers } from "../ports.ts";
import { RECOVERY_PROFILES } from "./recovery.ts";
import type { Settings } from "./schema.ts";

/** One thing that is wrong with a setting. */
export interface Issue {
  /** Property path, such as `postgres.replicas`. */
  readonly path: string;
  /** What is wrong, what is allowed, the way out. */
  readonly reason: string;
  /** Whether `path` is a whole configuration key instead of one below `dujyo:`. @default false */
  readonly foreign?: boolean;
}

const MB = 2 ** 20;

/** Instances of the API that there may be at once. */
export function mostInstances(api: Settings["api"]): number {
  return Math.max(api.instances, api.maxInstances);
}

/** Server sessions that one pooler shares out among the replicas; with none to be had, the primary carries them. */
export function readerSessions({ pgbouncer, postgres }: Pick<Settings, "pgbouncer" | "postgres">): number {
  return pgbouncer.readerPool * Math.max(postgres.replicas, 1);
}

/** Who takes how many sessions on one member, in the worst case that this member is primary and serves all reads too. */
export function connectionDemand(settings: Settings): { readonly who: string; readonly sessions: number }[] {
  const { api, pgbouncer, postgres } = settings;
  const readers = readerSessions(settings);
  const times = pgbouncer.instances > 1 ? `, ${pgbouncer.instances} times` : "";
  const instances = mostInstances(api);
  return [
    {
      who: `pooler, to the writer (${pgbouncer.writerPool} + ${pgbouncer.reserve} in reserve${times})`,
      sessions: (pgbouncer.writerPool + pgbouncer.reserve) * pgbouncer.instances,
    },
    {
      who: `pooler, to the reader, which falls back to the primary (${pgbouncer.readerPool} x ${Math.max(postgres.replicas, 1)} replicas + ${pgbouncer.reserve}${times})`,
      sessions: (readers + pgbouncer.reserve) * pgbouncer.instances,
    },
    { who: "pooler, password look-ups", sessions: pgbouncer.instances },
    {
      who: `invalidation listeners of the API (${instances} x ${api.workers})`,
      sessions: instances * api.workers,
    },
    { who: "direct sessions (migrations, people)", sessions: 6 },
    ...(settings.monitoring.enabled ? [{ who: "exporter", sessions: 2 }] : []),
    { who: "Patroni", sessions: 3 },
    { who: "reserved for superusers and monitoring", sessions: 6 },
  ];
}

/** Memory of one PostgreSQL member, derived from its limit; all in mebibytes. */
export interface PostgresMemory {
  readonly sharedBuffers: number;
  readonly effectiveCacheSize: number;
  readonly maintenanceWorkMem: number;
  /** Mebibytes each session may use for one sort or hash. Below 1 the budget does not fit. */
  readonly workMem: number;
  readonly arithmetic: string;
}

/** A quarter of the memory is PostgreSQL's own long-standing advice for shared_buffers. */
const SHARED_BUFFERS_SHARE = 0.25;
/** Patroni's Python process and the supervisor, resident. */
const PATRONI_MB = 72;
/** Private memory of an idle session with TLS and a warm catalogue cache. */
const SESSION_MB = 1.5;
const AUTOVACUUM_WORKERS = 2;

/** Divides a member's memory: shared buffers, Patroni, maintenance, and the rest evenly over all sessions. */
export function postgresMemory(postgres: Settings["postgres"]): PostgresMemory {
  const limit = mebibytes(postgres.memory);
  const sharedBuffers = Math.floor(limit * SHARED_BUFFERS_SHARE);
  const maintenanceWorkMem = Math.min(512, Math.max(16, Math.floor(limit / 32)));
  const maintenance = maintenanceWorkMem * (AUTOVACUUM_WORKERS + 1);
  const left = limit - sharedBuffers - PATRONI_MB - maintenance;
  const workMem = Math.floor(left / postgres.maxConnections - SESSION_MB);
  return {
    sharedBuffers,
    effectiveCacheSize: Math.floor(limit * 0.6),
    maintenanceWorkMem,
    workMem: Math.min(workMem, 64),
    arithmetic:
      `${limit} MB - shared_buffers ${sharedBuffers} - Patroni ${PATRONI_MB} - maintenance ${maintenance} = ${left} MB ` +
      `for ${postgres.maxConnections} sessions of ${SESSION_MB} MB + work_mem, which leaves ${workMem} MB of work_mem`,
  };
}

/** Process, cluster bus, client and replication buffers of a Redis member without data. */
const REDIS_BASE_MB = 30;
/** A fork for AOF rewriting copies what is written meanwhile: half the data set is taken as the worst case. */
const REDIS_FORK_SHARE = 1.5;

/** Redis `maxmemory` in bytes for a container limit, leaving head-room for the process and a fork. */
export function redisMaxMemory(redis: Settings["redis"]): number {
  return Math.floor((bytes(redis.memory) - REDIS_BASE_MB * MB) / REDIS_FORK_SHARE);
}

function connectionIssues(settings: Settings): Issue[] {
  const demand = connectionDemand(settings);
  const total = demand.reduce((sum, part) => sum + part.sessions, 0);
  const limit = settings.postgres.maxConnections;
  if (total <= limit) return [];
  const arithmetic = demand.map((part) => `${part.sessions} ${part.who}`).join(" + ");
  return [
    {
      path: "postgres.maxConnections",
      reason: `is ${limit}, but one member may have to carry ${total} sessions: ${arithmetic}; raise it to ${total} or lower pgbouncer.writerPool or pgbouncer.readerPool`,
    },
  ];
}

function memoryIssues(settings: Settings): Issue[] {
  const issues: Issue[] = [];
  const memory = postgresMemory(settings.postgres);
  if (memory.workMem < 1)
    issues.push({
      path: "postgres.memory",
      reason: `is ${settings.postgres.memory}, which does not hold the members' sessions: ${memory.arithmetic}, at least 1 is needed; raise postgres.memory or lower postgres.maxConnections`,
    });
  const smallest = 16 * MB;
  if (redisMaxMemory(settings.redis) < smallest)
    issues.push({
      path: "redis.memory",
      reason: `is ${settings.redis.memory}: (${mebibytes(settings.redis.memory)} MB - ${REDIS_BASE_MB} for the process) / ${REDIS_FORK_SHARE} for a fork leaves less than the ${smallest / MB} MB of maxmemory that is the least; use at least "${Math.ceil((smallest / MB) * REDIS_FORK_SHARE) + REDIS_BASE_MB} MB"`,
    });
  return issues;
}

function quorumIssues(settings: Settings): Issue[] {
  const { etcd, postgres } = settings;
  const issues: Issue[] = [];
  if (etcd.members % 2 === 0)
    issues.push({
      path: "etcd.members",
      reason: `is ${etcd.members}; use an odd number, since an even one survives no more losses than the odd one below it`,
    });
  const most = postgres.replicas <= 1 ? postgres.replicas : postgres.replicas - 1;
  if (postgres.synchronousReplicas > most)
    issues.push({
      path: "postgres.synchronousReplicas",
      reason: `is ${postgres.synchronousReplicas} with ${postgres.replicas} replicas; use at most ${most}, so that writes go on when one replica is lost, or raise postgres.replicas`,
    });
  if (postgres.replicas >= 1 && postgres.synchronousReplicas < 1)
    issues.push({
      path: "postgres.synchronousReplicas",
      reason:
        "is 0; use at least 1 where there is a replica, since an acknowledged write must survive the loss of a node",
    });
  const profile = RECOVERY_PROFILES[postgres.recovery];
  if (profile.loopWait + 2 * profile.retryTimeout > profile.ttl)
    issues.push({
      path: "postgres.recovery",
      reason: `is ${postgres.recovery}: loop_wait ${profile.loopWait} + 2 x retry_timeout ${profile.retryTimeout} exceeds ttl ${profile.ttl}`,
    });
  return issues;
}

/** All budgets that `settings` break; empty when the stack fits. Pure: nothing is created or read. */
export function budgetIssues(settings: Settings): Issue[] {
  return [
    ...connectionIssues(settings),
    ...memoryIssues(settings),
    ...quorumIssues(settings),
    ...addressIssues(settings),
    ...exposureIssues(settings),
    ...scaleIssues(settings),
    ...namespaceIssues(settings),
    ...operatorIssues(settings),
    ...backupIssues(settings),
  ];
}

/** Addresses of a stack's /24 network that Docker hands out; 1 is the gateway's, the upper half has the fixed ones. */
const HANDED_OUT = 126;
/** Routing, pooling, gateway, exporters and pages of the monitoring, and one job at a time; without the host of backups. */
const SINGLE_MEMBERS = 10;

/** Ports and addresses that the members of a stack on Docker share; on Kubernetes each has its own. */
function addressIssues(settings: Settings): Issue[] {
  return settings.target === "docker" ? [...redisPortIssues(settings), ...handedOutIssues(settings)] : [];
}

/** Members take ports in a row; the next part's port comes before the network's 127 fixed addresses end. */
function redisPortIssues(settings: Settings): Issue[] {
  const { shards, replicasPerShard } = settings.redis;
  const last = PORTS.redis + redisMembers(settings) - 1;
  const taken = publishedPorts({ ...settings, portOffset: 0 }).find(
    ({ part, port }) => !part.startsWith("redis-") && port >= PORTS.redis && port <= last,
  );
  if (!taken) return [];
  const most = Math.floor((taken.port - PORTS.redis) / (replicasPerShard + 1));
  return [
    {
      path: "redis.shards",
      reason:
        `is ${shards}: ${shards} x ${replicasPerShard + 1} members take the ports ${PORTS.redis} to ${last}, ` +
        `but ${taken.port} is ${taken.part}'s; use at most ${most}, or fewer redis.replicasPerShard`,
    },
  ];
}

function handedOutIssues(settings: Settings): Issue[] {
  const { api, backup, etcd, monitoring } = settings;
  const singles = SINGLE_MEMBERS + (backup.enabled ? 1 : 0);
  const postgres = postgresMembers(settings);
  const exporters = monitoring.enabled ? postgres : 0;
  const others = singles + etcd.members + postgres + exporters;
  if (others + api.instances <= HANDED_OUT) return [];
  return [
    {
      path: "api.instances",
      reason:
        `is ${api.instances}: ${singles} single parts + ${etcd.members} etcd + ${postgres} PostgreSQL + ${exporters} exporters of theirs ` +
        `+ ${api.instances} API = ${others + api.instances} addresses, and the network hands out ${HANDED_OUT}; use at most ${HANDED_OUT - others}`,
    },
  ];
}

function exposureIssues({ api, target }: Settings): Issue[] {
  if (api.adminAuth || target === "docker") return [];
  return [
    {
      path: "api.adminAuth",
      reason: `is false on ${target}; only a stack on Docker, which publishes on loopback alone, may leave admin routes open. Remove it`,
    },
  ];
}

/** What a target without a balancer or a scheduler can not do. */
function scaleIssues({ api, haproxy, pgbouncer, target }: Settings): Issue[] {
  if (target === "kubernetes") return [];
  const single = { haproxy, pgbouncer };
  const several = Object.entries(single)
    .filter(([, { instances }]) => instances > 1)
    .map(([part, { instances }]) => ({
      path: `${part}.instances`,
      reason: `is ${instances} on docker, where one of them is published; use 1, or the target kubernetes`,
    }));
  if (api.maxInstances === 0) return several;
  return [
    ...several,
    {
      path: "api.maxInstances",
      reason: `is ${api.maxInstances} on docker, where nothing scales by load; set api.instances, or use the target kubernetes`,
    },
  ];
}

/** Secrets of others have to lie in the namespace before the first pod, so that the stack can not be the one who makes it. */
function namespaceIssues({ target, kubernetes }: Settings): Issue[] {
  if (target !== "kubernetes" || !kubernetes.createNamespace) return [];
  const secrets = { pullSecret: kubernetes.pullSecret, "ingress.tlsSecret": kubernetes.ingress.tlsSecret };
  return Object.entries(secrets)
    .filter(([, name]) => name !== "")
    .map(([key, name]) => ({
      path: `kubernetes.${key}`,
      reason: `is "${name}", which has to be in the namespace before the stack, while the stack makes its namespace itself; make both by hand and set kubernetes.createNamespace to false`,
    }));
}

/** What would work against backups. */
function backupIssues({ backup, postgres }: Settings): Issue[] {
  if (!backup.enabled) return [];
  return Object.keys(postgres.parameters)
    .filter((name) => name.startsWith("archive_"))
    .map((name) => ({
      path: `postgres.parameters.${name}`,
      reason: "is set by backup.enabled; remove it, or turn backups off",
    }));
}

/** The operator's own Alertmanager tells people, so that whom the stack would tell has to be named there. */
function operatorIssues({ target, monitoring }: Settings): Issue[] {
  if (monitoring.mode !== "operator") return [];
  const { receivers, heartbeat } = monitoring;
  const elsewhere = "with monitoring.mode operator, whose Alertmanager is not the stack's";
  return [
    ...(target === "kubernetes"
      ? []
      : [
          {
            path: "monitoring.mode",
            reason: `is operator on ${target}, where there is none; use bundled, or the target kubernetes`,
          },
        ]),
    ...(receivers.length > 0
      ? [
          {
            path: "monitoring.receivers",
            reason: `names ${receivers.map(({ name }) => name).join(", ")} ${elsewhere}; name them in its configuration, and remove them here`,
          },
        ]
      : []),
    ...(heartbeat
      ? [
          {
            path: "monitoring.heartbeat",
            reason: `is true ${elsewhere}; send its Watchdog to the service outside, and remove this`,
          },
        ]
      : []),
  ];
}
