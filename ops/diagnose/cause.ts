import type { Finding } from "./finding.ts";

export interface Cause {
  /** What is likely wrong, in a sentence. */
  readonly sentence: string;
  /** What it was told by. */
  readonly finding: Finding;
  /** What to do first; undefined where only the runbook helps. */
  readonly command: string | undefined;
  readonly runbook: string;
  /** Runbooks of what is bad as well, and probably follows from it. */
  readonly also: readonly string[];
}

interface Rule {
  readonly runbook: string;
  readonly sentence: string;
  readonly command?: string;
}

/** Area of the findings that come from the monitoring's alerts. */
export const ALERTS = "alerts";

/** Ends the process that stands at the head of a queue. */
const TERMINATE = `psql service=writer -c "SELECT pg_terminate_backend(PID)"`;

/**
 * Causes before what follows from them: what stops everybody, then what makes others wait, then what wants more than there
 * is, then what only the users see.
 */
export const RULES: readonly Rule[] = [
  {
    runbook: "DiskNearlyFull",
    sentence: "A disk is nearly full: whatever writes to it stops, or is about to.",
  },
  {
    runbook: "PatroniNoLeader",
    sentence: "No member of PostgreSQL leads: nothing can be written.",
    command: "npm run ops -- failover --dry-run",
  },
  { runbook: "EtcdQuorumLost", sentence: "The consensus store has no quorum: no leader can be elected." },
  { runbook: "HaproxyDown", sentence: "The endpoints are gone: nobody reaches PostgreSQL." },
  {
    runbook: "PgBouncerDown",
    sentence: "The pooler is gone: the API does not reach PostgreSQL.",
    command: "npm run logs -- pgbouncer",
  },
  {
    runbook: "GatewayDown",
    sentence: "The gateway is gone: nobody reaches the API.",
    command: "npm run logs -- gateway",
  },
  {
    runbook: "PgBouncerPaused",
    sentence: "The pooler holds its clients back: a command was cut off, or somebody paused it.",
    command: "npm run ops -- resume",
  },
  {
    runbook: "RedisClusterDown",
    sentence: "The cache's cluster is incomplete: reads fall through to PostgreSQL.",
    command: "npm run status",
  },
  {
    runbook: "ContainerOutOfMemory",
    sentence: "The kernel ended a process whose member had used up its memory.",
  },
  {
    runbook: "PatroniSynchronousStandbyMissing",
    sentence: "Commits wait for replicas that do not answer.",
    command: "npm run status",
  },
  {
    runbook: "PostgresIdleInTransaction",
    sentence: "A client has left a transaction open and does nothing; others wait behind it, or will.",
    command: TERMINATE,
  },
  {
    runbook: "PostgresLockWaits",
    sentence: "Sessions wait for a lock that another one holds.",
    command: TERMINATE,
  },
  {
    runbook: "PostgresConnectionsHigh",
    sentence: "PostgreSQL has hardly a seat left for new sessions.",
  },
  {
    runbook: "PostgresMemberDown",
    sentence: "A member of PostgreSQL is down: the others carry its load.",
    command: "npm run status",
  },
  { runbook: "RedisMemberDown", sentence: "A node of the cache is down.", command: "npm run status" },
  {
    runbook: "EtcdMemberDown",
    sentence: "A member of the consensus store is down.",
    command: "npm run status",
  },
  { runbook: "ApiInstanceDown", sentence: "An instance of the API is down.", command: "npm run status" },
  { runbook: "NodeMemoryLow", sentence: "The machine is short of memory." },
  {
    runbook: "ContainerMemoryHigh",
    sentence: "A member has nearly used up its memory; the kernel will end it.",
  },
  {
    runbook: "PostgresSlowStatements",
    sentence: "Slow statements keep PostgreSQL busy.",
    command: "npm run ops -- report",
  },
  {
    runbook: "PostgresLongTransaction",
    sentence: "A transaction has been open for long: vacuum can free nothing that is newer.",
    command: TERMINATE,
  },
  { runbook: "EtcdSlowDisk", sentence: "The disk is slow: processors wait for it." },
  { runbook: "ContainerThrottled", sentence: "A member wants more processor than its limit." },
  { runbook: "NodeCpuBusy", sentence: "The machine has no processor time left." },
  {
    runbook: "PatroniReplicaNotStreaming",
    sentence: "A replica does not follow the leader.",
    command: "npm run ops -- reinit <member> --dry-run",
  },
  {
    runbook: "ReplicationLagBytes",
    sentence: "A replica lags behind, and takes no reads until it has caught up.",
  },
  { runbook: "ReplicationLagSeconds", sentence: "A replica replays late." },
  { runbook: "RedisEvictions", sentence: "The cache is too small: it throws out what is still wanted." },
  { runbook: "RedisMemoryHigh", sentence: "The cache's memory is nearly used up." },
  {
    runbook: "PgBouncerClientsWaiting",
    sentence: "More clients want a session than the pool has, without a slow statement or a lock to be seen.",
  },
  { runbook: "PgBouncerPoolBusy", sentence: "A pool is nearly used up." },
  {
    runbook: "ApiBreakerOpen",
    sentence: "The API has stopped asking a part that failed.",
    command: "npm run logs -- api-0",
  },
  {
    runbook: "ApiErrorsHigh",
    sentence: "The API fails, with no part below it to blame.",
    command: "npm run logs -- api-0",
  },
  { runbook: "CacheHitsLow", sentence: "The caches answer too little, so PostgreSQL answers too much." },
  { runbook: "ApiResponseSlow", sentence: "The API is slow, with no part below it to blame." },
];

/**
 * The likely cause of all that is bad; undefined where nothing is. What is seen at this moment comes before what has raised
 * an alarm: alerts go on for some time after their reason has ended.
 */
export function likelyCause(findings: readonly Finding[]): Cause | undefined {
  const bad = findings.filter((finding) => finding.bad);
  const rank = ({ runbook, area }: Finding) => {
    const index = RULES.findIndex((rule) => rule.runbook === runbook);
    return (index < 0 ? RULES.length : index) + (area === ALERTS ? 1_000 : 0);
  };
  const [first] = [...bad].sort((one, other) => rank(one) - rank(other));
  if (!first) return undefined;
  const rule = RULES.find(({ runbook }) => runbook === first.runbook);
  const past = "No figure of this moment is bad, but an alert is firing: its reason may just have ended.";
  return {
    sentence: first.area === ALERTS ? past : (rule?.sentence ?? "Something is not well."),
    finding: first,
    command: rule?.command?.replace("PID", /process (\d+)/.exec(first.figure)?.[1] ?? "PID"),
    runbook: `docs/runbooks/${first.runbook}.md`,
    also: [...new Set(bad.map(({ runbook }) => runbook))].filter((name) => name !== first.runbook),
  };
}
