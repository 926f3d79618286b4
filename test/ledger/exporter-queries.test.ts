import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { emptyDatabase, type TestDatabase } from "./database.ts";

/** The exporter's own queries, where a running stack does not show what they are for. */

const QUERIES = parse(
  readFileSync(resolve(import.meta.dirname, "../../config/postgres-exporter/queries.yml"), "utf8"),
) as Record<string, { query: string }>;

describe("the exporter's query of replication", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await emptyDatabase();
  });
  afterAll(() => database.drop());

  test("tells the lag of a replica that catches up, which is the one that is far behind", async () => {
    const session = await database.connect("postgres");
    // A temporary table comes before the view of the same name.
    await session.query(`
      CREATE TEMP TABLE pg_stat_replication AS
      SELECT name AS application_name, state, pg_current_wal_lsn() - behind AS replay_lsn, late AS replay_lag
      FROM (VALUES ('near', 'streaming', 0, '1 s'::interval), ('far', 'catchup', 5000000, NULL),
                   ('copying', 'backup', NULL, NULL), ('coming', 'startup', NULL, NULL))
        AS replica (name, state, behind, late)`);
    const { rows } = await session.query<{ standby: string; lag_bytes: string; lag_seconds: string }>(
      QUERIES.dujyo_pg_replication?.query as string,
    );
    expect(rows.map(({ standby, lag_seconds }) => [standby, Number(lag_seconds)])).toEqual([
      ["near", 1],
      ["far", 0],
    ]);
    expect(Number(rows[1]?.lag_bytes)).toBeGreaterThanOrEqual(5_000_000);
  });
});
