import { type Client, escapeIdentifier } from "pg";
import { Refusal } from "../refusal.ts";

/** Months that have their partition beforehand: the default of ensure_partitions(). */
export const MONTHS_AHEAD = 3;

/** What the upkeep asks of a session. */
export type Session = Pick<Client, "query">;

/** One piece of upkeep, safe to repeat and to interrupt. None touches a row of the ledger. */
export interface UpkeepTask {
  readonly name: string;
  readonly summary: string;
  /** Says what it would do. */
  readonly plan: (session: Session) => Promise<string>;
  /** Does it, and says what it did. */
  readonly run: (session: Session) => Promise<string>;
}

/**
 * Tables whose statistics are due. Autovacuum never analyses the parent of partitions, whose statistics plans across
 * partitions go by; those are due when their partitions have changed, or were analysed long after them. The rest is due at half of what autovacuum waits for.
 */
const DUE = `
WITH tables AS (
    SELECT coalesce(pg_partition_root(s.relid), s.relid) AS root, s.relid, s.n_mod_since_analyze AS changed,
           s.n_live_tup AS rows, coalesce(s.last_analyze, s.last_autoanalyze) IS NULL AND s.n_live_tup > 0 AS never
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = 'public' AND c.relkind IN ('r', 'm')
), parents AS (
    SELECT p.oid AS relid, p.relname AS name, true AS parent, s.last_analyze AS last,
           sum(t.changed) AS changed, sum(t.rows) AS rows, max(greatest(l.last_analyze, l.last_autoanalyze)) AS newest
    FROM pg_class p
    JOIN tables t ON t.root = p.oid
    JOIN pg_stat_user_tables l ON l.relid = t.relid
    LEFT JOIN pg_stat_user_tables s ON s.relid = p.oid
    WHERE p.relkind = 'p' AND p.relnamespace = 'public'::regnamespace AND NOT p.relispartition
    GROUP BY 1, 2, 3, 4
)
SELECT name FROM parents WHERE rows > 0 AND (last IS NULL OR newest > last + interval '1 hour' OR changed > rows * 0.05)
UNION ALL
SELECT c.relname FROM tables t JOIN pg_class c ON c.oid = t.relid
WHERE NOT c.relispartition AND (t.never OR t.changed > 50 + t.rows * 0.05)
ORDER BY 1`;

/** Months from this one on that have no partition yet. */
const MISSING_MONTHS = `
SELECT to_char((now() AT TIME ZONE 'UTC') + make_interval(months => ahead), 'YYYY-MM') AS month
FROM generate_series(0, $1::integer) AS ahead
WHERE to_regclass('public.transactions_' || to_char((now() AT TIME ZONE 'UTC') + make_interval(months => ahead), 'YYYY_MM')) IS NULL
ORDER BY 1`;

const LAST_RUN = `
SELECT extract(epoch FROM clock_timestamp() - finished_at)::float8 AS age FROM maintenance_runs WHERE task = $1`;

const RECORD = `
INSERT INTO maintenance_runs VALUES ('statistics', clock_timestamp())
ON CONFLICT (task) DO UPDATE SET finished_at = excluded.finished_at`;

async function due(session: Session): Promise<string[]> {
  return (await session.query<{ name: string }>(DUE)).rows.map(({ name }) => name);
}

/** In the order in which they run: what would stop bookings first. */
export const UPKEEP: readonly UpkeepTask[] = [
  {
    name: "partitions",
    summary: `this month's partition of the transactions and those of ${MONTHS_AHEAD} months ahead`,
    plan: async (session) => {
      const { rows } = await session.query<{ month: string }>(MISSING_MONTHS, [MONTHS_AHEAD]);
      return rows.length === 0 ? "all there" : `would make ${rows.map(({ month }) => month).join(", ")}`;
    },
    run: async (session) => {
      const { rows } = await session.query<{ made: number }>("SELECT ensure_partitions() AS made");
      return rows[0]?.made ? `made ${rows[0].made}` : "all there";
    },
  },
  {
    name: "view",
    summary: "the snapshot behind the list of the largest holders",
    plan: async (session) => {
      const { rows } = await session.query<{ age: number }>(LAST_RUN, ["top_holders"]);
      return rows[0] ? `would renew it; ${rows[0].age.toFixed(0)} s old` : "would renew it; never renewed";
    },
    run: async (session) => {
      const { rows } = await session.query<{ done: boolean }>("SELECT refresh_top_holders() AS done");
      return rows[0]?.done ? "renewed" : "another session is renewing it";
    },
  },
  {
    name: "statistics",
    summary: "the planner's statistics where they are due",
    plan: async (session) => {
      const tables = await due(session);
      return tables.length === 0 ? "none due" : `would analyse ${tables.join(", ")}`;
    },
    run: async (session) => {
      const tables = await due(session);
      for (const name of tables) await session.query(`ANALYZE ${escapeIdentifier(name)}`);
      await session.query(RECORD);
      return tables.length === 0 ? "none due" : `analysed ${tables.join(", ")}`;
    },
  },
];

/** @param names all tasks where empty. @throws Refusal for one that does not exist, listing those that do */
export function chooseTasks(names: readonly string[]): UpkeepTask[] {
  const unknown = names.filter((name) => !UPKEEP.some((task) => task.name === name));
  if (unknown.length > 0)
    throw new Refusal(
      `There is no task ${unknown.map((name) => `"${name}"`).join(", ")}. There are: ${UPKEEP.map(({ name }) => name).join(", ")}.`,
    );
  return UPKEEP.filter(({ name }) => names.length === 0 || names.includes(name));
}

/** How a task went. */
export interface TaskResult {
  readonly task: string;
  readonly ok: boolean;
  readonly result: string;
  readonly seconds: number;
}

/** Runs the tasks one after the other; one that fails does not keep the next from its turn. */
export async function runTasks(
  session: Session,
  tasks: readonly UpkeepTask[],
  dryRun: boolean,
): Promise<TaskResult[]> {
  const results: TaskResult[] = [];
  for (const task of tasks) {
    const started = performance.now();
    const [ok, result] = await (dryRun ? task.plan(session) : task.run(session)).then(
      (text) => [true, text] as const,
      (error: Error) => [false, error.message] as const,
    );
    const seconds = Math.round(performance.now() - started) / 1_000;
    results.push({ task: task.name, ok, result, seconds });
  }
  return results;
}
