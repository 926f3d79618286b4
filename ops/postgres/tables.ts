import { escapeIdentifier } from "pg";
import type { Outcome } from "../define-command.ts";
import { Refusal } from "../refusal.ts";
import type { RunningStack } from "../running-stack.ts";
import { formatTable } from "../table.ts";
import { sessionOptions, withSession } from "./session.ts";

interface Table {
  readonly name: string;
  readonly dead: number;
}

/** Partitions have rows of their own and are maintained by themselves; their parents have none. */
const OWN_TABLES = `SELECT c.relname AS name, coalesce(s.n_dead_tup, 0)::float8 AS dead
  FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm') ORDER BY 1`;

/**
 * Runs a maintenance statement on tables of the ledger, one after the other, through the writer endpoint.
 *
 * @param tables names; all where empty
 * @throws Refusal for a table that is not there, listing those that are
 */
export async function maintainTables(
  stack: RunningStack,
  statement: "ANALYZE" | "VACUUM (ANALYZE)",
  tables: readonly string[],
  dryRun: boolean,
  say: (line: string) => void,
): Promise<Outcome> {
  const connection = await stack.connection();
  return withSession(sessionOptions(connection, connection.writer, "owner"), async (client) => {
    const { rows } = await client.query<Table>(OWN_TABLES);
    const unknown = tables.filter((table) => !rows.some(({ name }) => name === table));
    if (unknown.length > 0)
      throw new Refusal(
        `There is no table ${unknown.map((name) => `"${name}"`).join(", ")}. There are: ${rows.map(({ name }) => name).join(", ")}.`,
      );
    const chosen = rows.filter(({ name }) => tables.length === 0 || tables.includes(name));
    const done: { table: string; dead_rows: number; seconds: number }[] = [];
    for (const { name, dead } of dryRun ? [] : chosen) {
      say(`${statement} ${name}`);
      const started = performance.now();
      await client.query(`${statement} ${escapeIdentifier(name)}`);
      done.push({ table: name, dead_rows: dead, seconds: Math.round(performance.now() - started) / 1_000 });
    }
    if (dryRun) {
      const table = formatTable(
        ["table", "dead rows"],
        chosen.map(({ name, dead }) => [name, String(dead)]),
      );
      return { text: table, data: chosen };
    }
    const table = formatTable(
      ["table", "dead rows before", "seconds"],
      done.map(({ table, dead_rows, seconds }) => [table, String(dead_rows), seconds.toFixed(2)]),
    );
    return { text: table, data: done };
  });
}
