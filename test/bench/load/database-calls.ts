import { sessionOptions, withSession } from "../../../ops/postgres/session.ts";
import type { BenchStack } from "../stack.ts";

/** Calls of the service's statements, and of the baseline's, on all members together. */
export interface DatabaseCalls {
  /** Of accounts, their histories and transactions; not those that keep the service's clocks. */
  readonly reads: number;
  /** Shared buffers that these reads touched. */
  readonly buffers: number;
  /** Of the function that books a transfer. */
  readonly writes: number;
}

const COUNTS = `
  SELECT coalesce(sum(calls) FILTER (WHERE writes), 0)::float8 AS writes,
         coalesce(sum(calls) FILTER (WHERE reads), 0)::float8 AS reads,
         coalesce(sum(shared_blks_hit + shared_blks_read) FILTER (WHERE reads), 0)::float8 AS buffers
    FROM pg_stat_statements,
         LATERAL (SELECT query LIKE '%ledger_transfer(%' AS writes) w,
         LATERAL (SELECT NOT writes AND query ~ '(FROM|JOIN) (baseline\\.)?(balances|postings|transactions)' AS reads) r
   WHERE userid IN ('dujyo_app'::regrole, 'dujyo_readonly'::regrole)`;

/** What the servers have counted so far. */
export async function databaseCalls({ connection }: BenchStack): Promise<DatabaseCalls> {
  const counts = await Promise.all(
    connection.postgres.map((member) =>
      withSession(sessionOptions(connection, member, "monitoring"), async (client) => {
        const { rows } = await client.query<DatabaseCalls>(COUNTS);
        return rows[0] as DatabaseCalls;
      }),
    ),
  );
  const total = (name: keyof DatabaseCalls) => counts.reduce((sum, count) => sum + count[name], 0);
  return { reads: total("reads"), buffers: total("buffers"), writes: total("writes") };
}
