import type { Client } from "pg";

/** Where the tables of the baseline are. */
export const BASELINE = "baseline";

/**
 * Copies what a balance and a history are read from into a schema of its own: the same tables, partitions and keys, but none of
 * this project's other indexes and settings of storage. Nobody writes to the copy, so that it needs no log and no replica.
 *
 * @param owner a direct session with the primary as the owner of the schema
 */
export async function makeBaseline(owner: Client): Promise<void> {
  await dropBaseline(owner);
  const columns = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS";
  await owner.query(`
    CREATE SCHEMA ${BASELINE};
    CREATE UNLOGGED TABLE ${BASELINE}.balances (LIKE public.balances ${columns});
    INSERT INTO ${BASELINE}.balances SELECT * FROM public.balances;
    ALTER TABLE ${BASELINE}.balances ADD PRIMARY KEY (address);
    CREATE TABLE ${BASELINE}.postings (LIKE public.postings ${columns}) PARTITION BY HASH (address)`);
  const { rows: partitions } = await owner.query<{ name: string; bound: string }>(
    `SELECT relname AS name, pg_get_expr(relpartbound, oid) AS bound FROM pg_class
      WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.postings'::regclass)`,
  );
  for (const { name, bound } of partitions) {
    await owner.query(`CREATE UNLOGGED TABLE ${BASELINE}.${name} PARTITION OF ${BASELINE}.postings ${bound}`);
    await owner.query(`INSERT INTO ${BASELINE}.${name} SELECT * FROM public.${name}`);
  }
  await owner.query(`VACUUM (ANALYZE) ${BASELINE}.balances, ${BASELINE}.postings`);
  await owner.query(`
    GRANT USAGE ON SCHEMA ${BASELINE} TO dujyo_app;
    GRANT SELECT ON ALL TABLES IN SCHEMA ${BASELINE} TO dujyo_app`);
}

export async function dropBaseline(owner: Client): Promise<void> {
  await owner.query(`DROP SCHEMA IF EXISTS ${BASELINE} CASCADE`);
}
