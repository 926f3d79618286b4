import { type Finding, percent, shortStatement } from "./finding.ts";

/** A session of a client, as `pg_stat_activity` shows it. */
export interface Session {
  readonly pid: number;
  readonly role: string;
  readonly application: string;
  /** `active`, `idle in transaction`... */
  readonly state: string;
  /** What it waits for, `Lock`, `IO`, `IPC`...; null where it works. */
  readonly wait_type: string | null;
  readonly wait: string | null;
  /** Processes in whose way it stands behind. */
  readonly blocked_by: readonly number[];
  /** Seconds since the transaction, the statement and the state began. */
  readonly transaction: number;
  readonly statement: number;
  readonly in_state: number;
  readonly text: string;
}

export interface Connections {
  readonly used: number;
  readonly limit: number;
}

/** Sessions of clients; the one that asks is left out. */
export const SESSIONS = `
SELECT pid, coalesce(usename, '') AS role, application_name AS application, coalesce(state, '') AS state,
       wait_event_type AS wait_type, wait_event AS wait, pg_blocking_pids(pid) AS blocked_by,
       coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 AS transaction,
       coalesce(extract(epoch FROM clock_timestamp() - query_start), 0)::float8 AS statement,
       coalesce(extract(epoch FROM clock_timestamp() - state_change), 0)::float8 AS in_state,
       left(query, 200) AS text
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/** Sessions in use, and those that roles without a reserved seat may have. */
export const CONNECTIONS = `
SELECT count(*)::int AS used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - current_setting('reserved_connections')::int AS "limit"
FROM pg_stat_activity WHERE backend_type = 'client backend'`;

/** Seconds, and a share, beyond which something is wrong while somebody is looking. */
const BOUND = { idle: 30, transaction: 300, blocked: 1, commit: 2, connections: 0.9 };

/** Who stands at the head of the queue: blocks others and is not blocked itself, most waiting behind it first. */
export function heads(sessions: readonly Session[]): { session: Session; waiting: number }[] {
  const byPid = new Map(sessions.map((session) => [session.pid, session]));
  const waiting = new Map<number, Set<number>>();
  const climb = (pid: number, from: number, path: ReadonlySet<number>): void => {
    const session = byPid.get(pid);
    if (!session || path.has(pid)) return;
    if (session.blocked_by.length > 0) {
      for (const blocker of session.blocked_by) climb(blocker, from, new Set([...path, pid]));
    } else if (pid !== from) waiting.set(pid, (waiting.get(pid) ?? new Set()).add(from));
  };
  for (const { pid } of sessions) climb(pid, pid, new Set());
  return [...waiting]
    .flatMap(([pid, behind]) => {
      const session = byPid.get(pid);
      return session ? [{ session, waiting: behind.size }] : [];
    })
    .sort((one, other) => other.waiting - one.waiting);
}

/** Judges the sessions of one member. @param slow seconds from which on a statement counts as slow */
export function sessionFindings(
  member: string,
  sessions: readonly Session[],
  { used, limit }: Connections,
  slow: number,
): Finding[] {
  const finding = (area: string, runbook: string, bound: string, bad: boolean, figure: string): Finding => ({
    area,
    subject: member,
    figure,
    bound,
    bad,
    runbook,
  });
  const blocked = sessions.filter(({ blocked_by }) => blocked_by.length > 0);
  const longestBlocked = Math.max(0, ...blocked.map(({ statement }) => statement));
  const found = [
    finding(
      "sessions",
      "PostgresConnectionsHigh",
      `<= ${percent(BOUND.connections)}`,
      used / limit > BOUND.connections,
      `${used} of ${limit} in use, ${sessions.filter(({ state }) => state === "active").length} at work`,
    ),
    finding(
      "locks",
      "PostgresLockWaits",
      "none waits longer than 1 s",
      longestBlocked > BOUND.blocked,
      blocked.length === 0
        ? "nobody waits"
        : `${blocked.length} wait, the longest ${longestBlocked.toFixed(0)} s`,
    ),
  ];
  for (const { session, waiting } of heads(sessions).slice(0, 3)) {
    const idle = session.state.startsWith("idle in transaction");
    const text = `${describe(session)} blocks ${waiting}`;
    found.push(
      finding(
        "locks",
        idle ? "PostgresIdleInTransaction" : "PostgresLockWaits",
        "",
        longestBlocked > BOUND.blocked,
        text,
      ),
    );
  }
  const idle = longest(sessions, ({ state, in_state }) =>
    state.startsWith("idle in transaction") ? in_state : 0,
  );
  if (idle && idle.in_state > BOUND.idle)
    found.push(
      finding("transactions", "PostgresIdleInTransaction", `idle <= ${BOUND.idle} s`, true, describe(idle)),
    );
  const open = longest(sessions, ({ transaction }) => transaction);
  if (open && open.transaction > BOUND.transaction)
    found.push(
      finding(
        "transactions",
        "PostgresLongTransaction",
        `open <= ${BOUND.transaction} s`,
        true,
        `open for ${open.transaction.toFixed(0)} s: ${describe(open)}`,
      ),
    );
  const commit = longest(sessions, ({ wait, in_state }) => (wait === "SyncRep" ? in_state : 0));
  if (commit && commit.in_state > BOUND.commit)
    found.push(
      finding(
        "commits",
        "PatroniSynchronousStandbyMissing",
        `<= ${BOUND.commit} s`,
        true,
        `a commit has waited ${commit.in_state.toFixed(0)} s for replicas: ${describe(commit)}`,
      ),
    );
  const working = sessions.filter(
    ({ state, blocked_by, wait }) => state === "active" && blocked_by.length === 0 && wait !== "SyncRep",
  );
  const slowOnes = working.filter(({ statement }) => statement > slow);
  const slowest = longest(slowOnes, ({ statement }) => statement);
  const onDisk = working.filter(({ wait_type }) => wait_type === "IO").length;
  found.push(
    finding(
      "statements",
      "PostgresSlowStatements",
      `none longer than ${slow} s`,
      slowOnes.length > 0,
      slowest
        ? `${slowOnes.length} slow, ${onDisk} wait for the disk; the slowest ${slowest.statement.toFixed(0)} s: ${describe(slowest)}`
        : `none slow, ${onDisk} wait for the disk`,
    ),
  );
  return found;
}

function longest(sessions: readonly Session[], by: (session: Session) => number): Session | undefined {
  const [first] = [...sessions].sort((one, other) => by(other) - by(one));
  return first && by(first) > 0 ? first : undefined;
}

function describe({ pid, role, state, in_state, text }: Session): string {
  return `process ${pid} of ${role}, ${state} for ${in_state.toFixed(0)} s (${shortStatement(text)})`;
}
