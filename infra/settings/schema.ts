import { z } from "zod";
import { backup } from "./backup.ts";
import {
  choice,
  clientNetworks,
  cpus,
  duration,
  flag,
  network,
  section,
  share,
  size,
  whole,
} from "./kinds.ts";
import { kubernetes } from "./kubernetes.ts";
import { operator } from "./operator.ts";
import { otherSite } from "./other-site.ts";
import { parameters } from "./parameters.ts";
import { receiver } from "./receivers.ts";

/** As many as a row's `key_version` counts, and more rotations than anybody will see. */
const MOST_KEYS = 32_767;

/** One or two different numbers. */
function areNumbers(value: unknown): value is number[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 2) return false;
  const whole = value.every((key) => Number.isInteger(key) && key >= 1 && key <= MOST_KEYS);
  return whole && value[0] !== value[1];
}

/** Of two, one is even: their roles take turns. */
function areTurns(value: unknown): boolean {
  return areNumbers(value) && new Set(value.map((key) => key % 2)).size === value.length;
}

function areKeys(value: unknown): boolean {
  return areNumbers(value) && value[0] === Math.min(...value);
}

/** Secrets by name; encrypted, as a stack file has them, or as the engine gives them to the program. */
const secrets = () =>
  z
    .record(
      z.string(),
      z.union([z.string().min(1, { error: "is empty" }), z.strictObject({ secure: z.string() })]),
    )
    .default({});

const keysError = (issue: { readonly input?: unknown }) =>
  `is ${JSON.stringify(issue.input)}; use one number from 1 to ${MOST_KEYS}, or two with the new key's behind the former's, such as [1, 2]`;

const numbersError = (issue: { readonly input?: unknown }) =>
  `is ${JSON.stringify(issue.input)}; use one number from 1 to ${MOST_KEYS}, or two different ones with the one in use last, such as [2, 1]`;

const turnsError = (issue: { readonly input?: unknown }) =>
  `is ${JSON.stringify(issue.input)}; use one number from 1 to ${MOST_KEYS}, or an odd and an even one with the one in use last, such as [2, 1]`;

/**
 * Every setting of a stack with its limits and default. `describe` texts are the documentation that
 * `docs/settings.md` is made of; a default stands nowhere else.
 */
export const settingsSchema = z.strictObject({
  target: choice(["docker", "kubernetes"], "docker").describe("Where the stack runs."),
  portOffset: whole(0, 50_000, 0).describe(
    "Added to every published port. Changing it replaces the containers one at a time.",
  ),
  docker: section({
    subnet: network("172.30.17.0/24", [24, 24]).describe(
      "The stack's own network. Redis members get fixed addresses in its upper half.",
    ),
  }),
  kubernetes,
  access: section({
    allowedCidrs: clientNetworks().describe(
      "Networks of clients, such as a VPN's range, that may reach the data ports beside the stack's own members and the machine's loopback: PostgreSQL, HAProxy, PgBouncer, and Redis on Kubernetes.",
    ),
    adminCidrs: clientNetworks().describe(
      "Networks of operators, from which alone the API's admin routes are answered, the machine's loopback apart; on Kubernetes they may reach the pages of the monitoring, too. There, an empty list leaves admin routes to their tokens.",
    ),
  }),
  etcd: section({
    members: whole(1, 7, 3).describe(
      "Members of the consensus store that Patroni uses on Docker; odd. Fixed once the stack exists.",
    ),
    memory: size("96 MB").describe("Memory limit of each member."),
    cpus: cpus(0.5).describe("Processor limit of each member."),
  }),
  postgres: section({
    replicas: whole(0, 15, 2).describe(
      "Streaming replicas beside the primary. Lowering it deletes the volumes of the departing members.",
    ),
    synchronousReplicas: whole(0, 15, 1).describe(
      "How many replicas must have flushed a commit before it is acknowledged (a quorum of them). Must be below `postgres.replicas`, or equal to it where there is one replica.",
    ),
    recovery: choice(["fast", "balanced", "tolerant", "stock"], "balanced").describe(
      "Recovery-time profile: sets Patroni's lease and loop and HAProxy's checks together. `stock` has the times that Patroni and its HAProxy template come with: what other stacks are compared with (`npm run ops -- drill --beside`), and no choice for one that is used.",
    ),
    memory: size("512 MB").describe(
      "Memory limit of each member; shared_buffers and the like follow from it.",
    ),
    cpus: cpus(1).describe("Processor limit of each member."),
    maxConnections: whole(20, 5_000, 100).describe(
      "max_connections of every member; the connection budget is checked against it.",
    ),
    maxReplicaLag: size("16 MB").describe(
      "A replica further behind than this gets no reads; checked once a Patroni loop.",
    ),
    storage: size("10 GB").describe(
      "Disk of each member. Kubernetes claims it; WAL limits follow from it on both targets.",
    ),
    passwords: z
      .custom<readonly number[]>(areNumbers, { error: numbersError })
      .default([1])
      .describe(
        "Numbers of the passwords that the API knows of its roles; made when their number first appears, and gone for good when it is taken out. The last one is what the roles of the owner, the API, its readers and the monitoring have, so a new one stands first until the API knows it. `npm run ops -- rotate postgres-passwords` writes it.",
      ),
    memberPasswords: z
      .custom<readonly number[]>(areTurns, { error: turnsError })
      .default([1])
      .describe(
        "Numbers of the passwords that members replicate and rewind with, and of the superuser's; made when their number first appears, and gone for good when it is taken out. The last one is in use, so a new one stands first until its roles are there: `dujyo_repl` and `dujyo_rewind` have the odd numbers, `dujyo_repl_b` and `dujyo_rewind_b` the even ones. `npm run ops -- rotate postgres-member-passwords` writes it.",
      ),
    standby: flag(false).describe(
      "Whether the whole cluster follows `postgres.otherSite` and takes no writes; Kubernetes only. Such a stack is PostgreSQL and HAProxy alone. Taking it away promotes the cluster.",
    ),
    otherSite,
    logicalReplication: flag(false).describe(
      "Whether a cluster of another major version can follow this one, or be followed by it, row by row (docs/upgrade.md); more log is written. A change restarts the members, one at a time.",
    ),
    // Zero would log every statement; what takes longer than an hour is no query of a ledger.
    slowQuery: duration("1 ms", "1 h", "1 s").describe("Statements longer than this are logged."),
    parameters: parameters.describe(
      "Further PostgreSQL parameters, applied through Patroni without recreating members. Names and values are checked against the server's own list.",
    ),
  }),
  backup,
  haproxy: section({
    instances: whole(1, 10, 1).describe("Routers in front of PostgreSQL; more than one on Kubernetes only."),
    memory: size("64 MB").describe("Memory limit."),
    cpus: cpus(0.5).describe("Processor limit."),
  }),
  pgbouncer: section({
    instances: whole(1, 10, 1).describe(
      "Poolers, each with pools of its own; more than one on Kubernetes only.",
    ),
    reserve: whole(0, 1_000, 5).describe(
      "Further sessions that each of the two pools may open while clients wait.",
    ),
    // PgBouncer takes 0 as "for ever" and counts whole seconds; two minutes are its own default.
    queryWait: duration("1 s", "2 min", "15 s").describe(
      "How long a client may wait for a server session before it gets an error.",
    ),
    writerPool: whole(1, 1_000, 20).describe(
      "Server sessions to the primary, all application roles together.",
    ),
    readerPool: whole(1, 1_000, 10).describe(
      "Server sessions for each replica that there should be. With a replica lost, the others take its share; with all lost, the primary.",
    ),
    maxClients: whole(10, 100_000, 2_000).describe("Client sessions accepted."),
    memory: size("64 MB").describe("Memory limit."),
    cpus: cpus(0.5).describe("Processor limit."),
  }),
  redis: section({
    shards: whole(3, 100, 3).describe(
      "Primaries that share the 16384 slots. Changing it moves slots, then adds or deletes members.",
    ),
    replicasPerShard: whole(0, 5, 1).describe("Replicas of each shard."),
    memory: size("96 MB").describe("Memory limit of each member; maxmemory follows from it."),
    cpus: cpus(0.5).describe("Processor limit of each member."),
    passwords: z
      .custom<readonly number[]>(areNumbers, { error: numbersError })
      .default([1])
      .describe(
        "Numbers of the passwords that are accepted, one for each user; made when their number first appears, and gone for good when it is taken out. The last one is in use, so a new one stands first until every member knows it. `npm run ops -- rotate redis-passwords` writes it.",
      ),
    // Below 2 s a stall of a shared machine counts as a loss; a cut-off primary takes writes that will be lost this long.
    nodeTimeout: duration("2 s", "1 min", "3 s").describe("Silence after which a member counts as failed."),
  }),
  api: section({
    instances: whole(1, 100, 2).describe("API containers behind the one published port."),
    maxInstances: whole(0, 100, 0).describe(
      "How many of them load may bring about, Kubernetes only; 0: never more than `api.instances`.",
    ),
    workers: whole(1, 64, 1).describe("Processes in each container that share its port."),
    memory: size("256 MB").describe("Memory limit of each container."),
    cpus: cpus(1).describe("Processor limit of each container."),
    adminAuth: flag(true).describe(
      "Whether admin routes ask for an admin token. May be off on Docker only, where nothing is published beyond loopback.",
    ),
    tokenKeys: z
      .custom<readonly number[]>(areKeys, { error: keysError })
      .default([1])
      .describe(
        "Numbers of the keys in force for bearer tokens; each is made when its number first appears, and gone for good when it is taken out. The last one signs, all are accepted. `npm run ops -- rotate token-key` writes it.",
      ),
    // A load generator on one machine reaches half of it; what it is for is a caller who takes the service from the others.
    addressRate: whole(0, 1_000_000, 20_000).describe(
      "Requests a second of one network address over all processes, averaged over 10 s; more are answered 429. 0: no limit.",
    ),
    // One account's transfers wait for each other in the database, which books less than this for one account.
    principalRate: whole(0, 1_000_000, 2_000).describe(
      "Requests a second with tokens for one ledger address, likewise. 0: no limit.",
    ),
    trustedProxies: whole(0, 10, 1).describe(
      "Proxies before the API that add the address they were asked from to X-Forwarded-For: the gateway on Docker, the ingress controller on Kubernetes.",
    ),
    accessLog: choice(["protected", "all"], "protected").describe(
      "Which requests get a line in the access log: those that need a token and every refusal, or all but health and metrics.",
    ),
    writerPool: whole(1, 200, 10).describe("Sessions to the pooler for writes, each process."),
    readerPool: whole(1, 200, 10).describe("Sessions to the pooler for reads, each process."),
    redisConnections: whole(1, 16, 1).describe("Connections to each Redis member, each process."),
    // A handshake takes some milliseconds; the gateway gives up on the API after 30 s, which has to answer before.
    connectTimeout: duration("50 ms", "10 s", "2 s").describe(
      "Longest wait for a new session with the pooler.",
    ),
    queryTimeout: duration("50 ms", "10 s", "2 s").describe("Longest wait for an answer to a read."),
    writeTimeout: duration("100 ms", "20 s", "8 s").describe(
      "Longest wait for an answer to a write, the wait for the replicas' confirmation among it; no repeat of it starts later.",
    ),
    redisConnectTimeout: duration("10 ms", "10 s", "1 s").describe(
      "Longest wait for a new connection with a Redis member.",
    ),
    // Redis answers within a millisecond; longer than the database would take, a cache is no help.
    commandTimeout: duration("10 ms", "2 s", "200 ms").describe("Longest wait for an answer of Redis."),
    retries: whole(0, 10, 2).describe(
      "Further tries of a read that a replica failed at once, or of a write that failed, with a jittered pause.",
    ),
    breakerFailures: whole(1, 1_000, 5).describe("Failures in a row that open a circuit breaker."),
    // Shorter, a breaker spares nothing; longer, an API without its cache or replica stays so for no reason.
    breakerOpen: duration("1 s", "10 min", "30 s").describe(
      "How long an open breaker lets nothing through before it probes.",
    ),
  }),
  cache: section({
    jitter: whole(0, 50, 10).describe(
      "Up to this many percent of each life below are taken off by lot, so that entries made together do not end together.",
    ),
    // Below a second nothing is found again; the API takes an hour at most. A change marks the balances and histories that it
    // makes wrong: their lives are a second line of defence, and long ones spare the database. Nothing marks statistics.
    balanceTtl: duration("1 s", "1 h", "10 min").describe("Life of a cached balance."),
    tokenBalanceTtl: duration("1 s", "1 h", "10 min").describe("Life of a cached token balance."),
    historyTtl: duration("1 s", "1 h", "10 min").describe("Life of a cached history page."),
    statsTtl: duration("1 s", "1 h", "30 s").describe("Life of cached statistics."),
    dexPoolTtl: duration("1 s", "1 h", "10 s").describe("Life of a cached DEX pool."),
    // The API proves several times within it that it hears of every change; it takes nothing shorter than a second.
    maxStaleness: duration("1 s", "1 min", "2 s").describe(
      "Oldest answer that may be served while the primary and Redis are reachable.",
    ),
    staleIfError: duration("0 s", "1 d", "5 min").describe(
      "How long past its life an entry may be served while nothing can refill it.",
    ),
  }),
  ledger: section({
    postingsPartitions: whole(1, 256, 8).describe(
      "Hash partitions of the postings. Fixed once the database is migrated.",
    ),
    data: choice(["none", "test", "dev", "load"], "none").describe(
      "Invented data that `npm run up` loads once into an empty database: 10k, 500k or 5M transactions. Developers' and test stacks only.",
    ),
    personalKeys: z
      .custom<readonly number[]>(areKeys, { error: keysError })
      .default([1])
      .describe(
        "Numbers of the keys in force for personal fields; each is made when its number first appears, and gone for good when it is taken out. The last one encrypts, all decrypt. `npm run ops -- rotate personal-fields` writes it.",
      ),
    // The API takes 0 as "never", which is for its own development alone.
    sealInterval: duration("1 s", "1 h", "10 s").describe("Pause between two blocks."),
  }),
  monitoring: section({
    enabled: flag(true).describe("Whether Prometheus, Alertmanager and the exporters are part of the stack."),
    mode: choice(["bundled", "operator"], "bundled").describe(
      "Who reads the exporters: Prometheus, Alertmanager and Grafana of the stack's own, or those of a kube-prometheus-stack that the cluster has (Kubernetes only).",
    ),
    operator,
    // Prometheus counts whole seconds here. Alerts look at windows of minutes, which need several readings each.
    scrapeInterval: duration("1 s", "1 min", "15 s").describe("Pause between two readings of every target."),
    // The slowest alerts look back a day; ten years are beyond any disk.
    retention: duration("1 d", "3650 d", "7 d").describe("How long series are kept."),
    storage: size("4 GB").describe("Disk for series; the oldest go before it is full."),
    memory: size("384 MB").describe("Memory limit of Prometheus."),
    cpus: cpus(1).describe("Processor limit of Prometheus."),
    alertmanagerMemory: size("64 MB").describe("Memory limit of Alertmanager."),
    grafana: flag(true).describe(
      "Whether Grafana is part of the monitoring. It is left out, with a warning, where its image can not be had.",
    ),
    grafanaMemory: size("256 MB").describe("Memory limit of Grafana."),
    exporterMemory: size("48 MB").describe("Memory limit of each exporter."),
    exporterCpus: cpus(0.5).describe("Processor limit of each exporter, and of Alertmanager."),
    alertPace: share(1).describe(
      "How much of each alert's waiting time (`for`, grouping) is waited. Below 1 in drills only: what passes by itself would page.",
    ),
    receivers: z
      .array(receiver)
      .default([])
      .describe(
        "Who is told: `name`, `type` (email, slack, pagerduty), `severities` (page, ticket, info) and what the type needs. Without one, alerts show on Alertmanager's page alone.",
      ),
    heartbeat: flag(false).describe(
      "Whether a service outside is told once a minute that alerts arrive, so that it can raise the alarm when they stop. Its address is the secret `receiverSecrets.heartbeat`.",
    ),
    contacts: section({
      support: z.string().default("").describe("Whom to ask, written into every alert."),
      docs: z.string().default("").describe("Address that the paths of runbooks are put behind."),
      dashboard: z.string().default("").describe("Address of the overview, written into every alert."),
    }),
  }),
  postgresIdentity: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      "Passwords and root certificate of the other site, its output of this name, which a standby shares from its creation on. Set with `pulumi config set --secret`.",
    ),
  receiverSecrets: secrets().describe(
    "Secret of each receiver by its name: the mail server's password, the webhook's address, the routing key. Set with `pulumi config set --secret --path`.",
  ),
  backupSecrets: secrets().describe(
    "What the bucket of `backup.s3` is opened with: `key`, the identifier of the access key, and `keySecret`. Set with `pulumi config set --secret --path`.",
  ),
});

/** The parsed settings of one stack; every default is filled in. */
export type Settings = z.output<typeof settingsSchema>;
