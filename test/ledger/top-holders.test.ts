import { type Client, Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Upkeep } from "../../service/src/ledger/upkeep.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { buffers, explain, type PlanNode } from "./explain.ts";

/** A statement that ranks the accounts takes longer than this, whatever the machine; one that does not, less. */
const SHORT_MS = 25;

/** The longest that the upkeep lets a refresh take. */
const REFRESH_SECONDS = 25;

describe("top_holders", { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let owner: Client;
  let app: Client;

  beforeAll(async () => {
    database = await testDatabase();
    owner = await database.connect("dujyo_user");
    app = await database.connect("dujyo_app");
    await owner.query("SET dujyo.notify = 'off'");
  }, 60_000);
  afterAll(() => database.drop());

  /** Accounts up to this number, every third with tokens too. Amounts differ, so that ranks do. */
  async function fill(from: number, to: number): Promise<void> {
    await owner.query(
      "INSERT INTO balances (address, balance) SELECT 'DU' || md5(g::text), g FROM generate_series($1::int, $2::int) g",
      [from, to],
    );
    await owner.query(
      `INSERT INTO token_balances (address, dys_balance)
       SELECT 'DU' || md5(g::text), g FROM generate_series($1::int, $2::int) g WHERE g % 3 = 0`,
      [from, to],
    );
    await owner.query("VACUUM (ANALYZE) balances, token_balances");
  }

  async function readPlan(): Promise<PlanNode[]> {
    await owner.query("VACUUM (ANALYZE) top_holders_snapshot");
    return await explain(app, "SELECT * FROM top_holders ORDER BY rank, address LIMIT 100");
  }

  const shape = (nodes: readonly PlanNode[]) =>
    nodes.map((node) => [node["Node Type"], node["Index Name"] ?? node["Relation Name"]]);

  test("reading the first ones takes the same plan and few buffers with a million accounts as with two thousand", async () => {
    await fill(1, 2_000);
    await app.query("SELECT refresh_top_holders()");
    const few = await readPlan();
    await fill(2_001, 1_000_000);
    const begun = performance.now();
    await app.query("SELECT refresh_top_holders()");
    const seconds = (performance.now() - begun) / 1000;
    console.log(`a refresh over a million accounts: ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(REFRESH_SECONDS);
    const many = await readPlan();

    const { rows } = await app.query<{ address: string; total_balance: string; rank: string }>(
      "SELECT address, total_balance, rank FROM top_holders LIMIT 1",
    );
    expect(rows[0]).toMatchObject({ total_balance: String(2 * 999_999), rank: "1" });
    expect(shape(many)).toEqual(shape(few));
    expect(shape(many)).toContainEqual(["Index Scan", "idx_top_holders_rank"]);
    // Where the rows of the snapshot lie differs from refresh to refresh; that there are a thousand of them does not.
    for (const plan of [few, many]) expect(buffers(plan[0])).toBeLessThanOrEqual(10);
    const { rows: size } = await owner.query<{ pages: number }>(
      "SELECT relpages AS pages FROM pg_class WHERE relname = 'balances'",
    );
    expect(size[0]?.pages).toBeGreaterThan(1_000);
  });

  test("the upkeep renews it although that takes longer than the role's statements may", async () => {
    await owner.query("UPDATE maintenance_runs SET finished_at = '2025-01-01' WHERE task = 'top_holders'");
    const pool = new Pool({
      ...database.config("dujyo_app"),
      options: `-c statement_timeout=${SHORT_MS}`,
      max: 1,
    });
    await expect(pool.query("SELECT refresh_top_holders()")).rejects.toMatchObject({ code: "57014" });
    const upkeep = new Upkeep({ pool: { pool }, onError: () => undefined });
    upkeep.start();
    const fresh =
      "SELECT finished_at > now() - interval '1 minute' AS fresh FROM maintenance_runs WHERE task = 'top_holders'";
    await expect
      .poll(async () => (await app.query(fresh)).rows, { timeout: 30_000 })
      .toEqual([{ fresh: true }]);
    upkeep.stop();
    // The pooled session goes back as it was.
    expect((await pool.query("SHOW statement_timeout")).rows).toEqual([
      { statement_timeout: `${SHORT_MS}ms` },
    ]);
    await pool.end();
  });
});
