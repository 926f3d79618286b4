import { sessionOptions, withSession } from "../../../ops/postgres/session.ts";
import type { BenchStack } from "../stack.ts";

/** Calls of the service's statements, on all members together. */
export interface DatabaseCalls {
  /** Of accounts, their histories and transactions; not those that keep the service's clocks. */
  readonly reads: number;
  /** Of the function that books a transfer. */
  readonly writes: number;
}

const COUNTS = `
  SELECT coalesce(sum(calls) FILTER (WHERE query LIKE '%ledger_transfer(%'), 0)::float8 AS writes,
         coalesce(sum(calls) FILTER (WHERE query ~ '(FROM|JOIN) (balances|postings|transactions)'
                                       AND query NOT LIKE '%ledger_transfer(%'), 0)::float8 AS reads
    FROM pg_stat_statements
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
  return {
    reads: counts.reduce((sum, { reads }) => sum + reads, 0),
    writes: counts.reduce((sum, { writes }) => sum + writes, 0),
  };
}
