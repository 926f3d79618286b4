import { literal, type Side } from "./side.ts";

/** What a table holds: equal if, but for a chance of 2^-64, the rows are equal. Their order does not matter. */
export interface Fingerprint {
  readonly table: string;
  readonly rows: string;
  readonly hash: string;
}

/** What replication copies: ordinary tables and partitioned ones as a whole, views and their copies left out. */
export const TABLES = `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid, c.relkind, c.relreplident, c.relpersistence
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`;

/** Reads every table once, and where each sequence stands. Only of use while nobody writes. */
export async function fingerprints(side: Side): Promise<Fingerprint[]> {
  const tables = await side.rows<{ name: string }>(`SELECT name FROM (${TABLES}) t ORDER BY name`);
  // The sum of 64 bits of each row's text: in no order, so that nothing is sorted, and twins count twice.
  const parts = tables.map(
    ({ name }) =>
      `SELECT ${literal(name)} AS table, count(*)::text AS rows,
        coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint::numeric), 0)::text AS hash FROM ${name} t`,
  );
  const sequences =
    "SELECT format('%I.%I', schemaname, sequencename), 'sequence', coalesce(last_value::text, 'unused') FROM pg_sequences";
  return side.rows<Fingerprint>(`${[...parts, sequences].join("\nUNION ALL\n")}\nORDER BY 1`);
}

/** Sentences on what differs; none where nothing does. */
export function differences(one: readonly Fingerprint[], other: readonly Fingerprint[]): string[] {
  const tell = (print: Fingerprint | undefined) => (print ? `${print.rows}, ${print.hash}` : "not there");
  const names = new Set([...one, ...other].map(({ table }) => table));
  return [...names].flatMap((name) => {
    const [left, right] = [one, other].map((prints) => tell(prints.find(({ table }) => table === name)));
    return left === right ? [] : [`${name}: ${left} against ${right}`];
  });
}
