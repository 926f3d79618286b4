import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildMissingIndexes } from "../../service/src/migrate/concurrent-indexes.ts";
import { findIndexStatements, type IndexStatement } from "../../service/src/migrate/index-statements.ts";
import { loadData } from "../../tools/data/loader.ts";
import { noProgress } from "../../tools/data/progress.ts";
import { MIGRATIONS, type TestDatabase, testDatabase } from "./database.ts";
import { SMALL, testKeys, UNTIL } from "./loaded-data.ts";

const PARTITIONED = [
  "idx_postings_history",
  "idx_transactions_block",
  "idx_transactions_failed",
  "idx_transactions_pool",
];

describe("indexes on filled tables", { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let owner: Client;
  let statements: IndexStatement[];

  beforeAll(async () => {
    database = await testDatabase();
    owner = await database.connect("dujyo_user");
    await loadData({
      connection: database.config("dujyo_user"),
      size: SMALL,
      seed: 7,
      until: UNTIL,
      keys: testKeys,
      progress: noProgress,
    });
    statements = findIndexStatements(
      await readFile(join(MIGRATIONS, "003_database_optimization.sql"), "utf8"),
    );
  }, 120_000);
  afterAll(() => database.drop());

  /** Definitions of the parents' indexes and whether every partition's is valid and attached. */
  async function state(): Promise<{ name: string; definition: string; valid: boolean; children: number }[]> {
    const { rows } = await owner.query(
      `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition, i.indisvalid AS valid,
              (SELECT count(*)::int FROM pg_inherits c JOIN pg_index x ON x.indexrelid = c.inhrelid
               WHERE c.inhparent = i.indexrelid AND x.indisvalid) AS children
       FROM pg_index i WHERE i.indexrelid::regclass::text = ANY ($1) ORDER BY 1`,
      [PARTITIONED],
    );
    return rows;
  }

  test("every index statement of the migration is understood", async () => {
    const sql = await readFile(join(MIGRATIONS, "003_database_optimization.sql"), "utf8");
    expect(statements).toHaveLength(sql.match(/^CREATE (UNIQUE )?INDEX/gm)?.length ?? 0);
    expect(statements.map(({ name }) => name)).toEqual(expect.arrayContaining(PARTITIONED));
    expect(statements.find(({ name }) => name === "idx_postings_history")).toMatchObject({
      table: "postings",
      unique: true,
    });
  });

  test("nothing to do is nothing done", async () => {
    expect(await buildMissingIndexes(owner, statements)).toEqual([]);
  });

  test("missing ones are built per partition and attached, the same as by the migration", async () => {
    const before = await state();
    for (const name of [...PARTITIONED, "idx_dex_positions_pool"]) await owner.query(`DROP INDEX ${name}`);
    const work = await buildMissingIndexes(owner, statements);
    expect(work.filter(({ action }) => action === "attached").length).toBe(
      before.reduce((sum, { children }) => sum + children, 0),
    );
    expect(await state()).toEqual(before);
    await owner.query(await readFile(join(MIGRATIONS, "003_database_optimization.sql"), "utf8"));
    expect(await state()).toEqual(before);
  });

  test("an interrupted build is cleared away and finished", async () => {
    const before = await state();
    await owner.query("DROP INDEX idx_transactions_block");
    await owner.query(
      "CREATE INDEX idx_transactions_block ON ONLY transactions (block_height, tx_id) INCLUDE (tx_hash) WHERE block_height IS NOT NULL",
    );
    // A build that is cancelled while it waits for an older transaction leaves an invalid index behind.
    const { rows } = await owner.query<{ partition: string }>(
      "SELECT tableoid::regclass::text AS partition FROM transactions ORDER BY created_at LIMIT 1",
    );
    const partition = rows[0]?.partition ?? "";
    const blocker = await database.connect("dujyo_user");
    await blocker.query(`BEGIN; LOCK ${partition} IN ROW EXCLUSIVE MODE`);
    const interrupted = await database.connect("dujyo_user");
    await interrupted.query("SET lock_timeout = '200ms'");
    await expect(
      interrupted.query(
        `CREATE INDEX CONCURRENTLY ${partition}_block_idx ON ${partition} (block_height, tx_id) INCLUDE (tx_hash) WHERE block_height IS NOT NULL`,
      ),
    ).rejects.toThrow(/lock timeout/);
    await blocker.query("COMMIT");
    const work = await buildMissingIndexes(owner, statements);
    expect(work).toContainEqual({ index: `${partition}_block_idx`, action: "dropped-invalid" });
    expect(await state()).toEqual(before);
  });

  test("writers go on while it builds", async () => {
    await owner.query("DROP INDEX idx_transactions_failed");
    const writer = await database.connect("dujyo_user");
    await writer.query("BEGIN");
    await writer.query("SELECT count(*) FROM chain_state");
    await writer.query("LOCK transactions IN ROW EXCLUSIVE MODE");
    const building = buildMissingIndexes(owner, statements);
    const other = await database.connect("dujyo_user");
    await other.query("SET lock_timeout = '5s'");
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await other.query("INSERT INTO transactions SELECT * FROM transactions LIMIT 0");
      await other.query("SELECT pg_sleep(0.2)");
    }
    await writer.query("COMMIT");
    expect((await building).length).toBeGreaterThan(0);
  });
});
