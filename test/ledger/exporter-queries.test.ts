import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { eventually } from "../support/faults.ts";
import { startScratchPostgres } from "../support/scratch-postgres.ts";
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

describe("the exporter's query of the archive", () => {
  test("counts the segments that wait and the attempts that failed, for the monitoring's own role", async () => {
    const server = await startScratchPostgres("-c archive_mode=on -c archive_command=false");
    const session = new Client({
      ...{ host: "127.0.0.1", port: server.getMappedPort(5432), user: "postgres", database: "postgres" },
    });
    try {
      await session.connect();
      await session.query("CREATE ROLE monitoring; GRANT pg_monitor TO monitoring");
      await session.query(
        "SELECT pg_logical_emit_message(false, 'test', 'something to archive'), pg_switch_wal()",
      );
      await session.query("SET ROLE monitoring");
      await eventually("a failed attempt", async () => {
        const { rows } = await session.query(QUERIES.dujyo_pg_archive?.query as string);
        const [{ failed_total, archived_total, ready_segments, oldest_ready_seconds }] = rows;
        expect({ archived: Number(archived_total), ready: Number(ready_segments) }).toEqual({
          archived: 0,
          ready: 1,
        });
        expect(Number(oldest_ready_seconds)).toBeGreaterThanOrEqual(0);
        return Number(failed_total) > 0;
      });
    } finally {
      await session.end();
      await server.stop({ removeVolumes: true });
    }
  });

  test("tells nothing where no WAL is archived", async () => {
    const database = await emptyDatabase();
    try {
      const session = await database.connect("postgres");
      const { rows } = await session.query(QUERIES.dujyo_pg_archive?.query as string);
      expect(rows).toEqual([]);
    } finally {
      await database.drop();
    }
  });
});
