import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadData } from "../../tools/data/loader.ts";
import { noProgress } from "../../tools/data/progress.ts";
import { transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { buffers, explain, type PlanNode } from "./explain.ts";
import { SMALL, testKeys, UNTIL } from "./loaded-data.ts";

const PAGE = 50;
const FIRST_PAGE = "9223372036854775807";
const BUSY = "DUbusy";

const OLDER = `SELECT s.version, s.sealed_height, p.tx_id, encode(p.tx_hash, 'hex') AS tx_hash, p.created_at, p.side, p.counterparty,
    p.amount, p.block_height, p.transaction_type
  FROM (SELECT c.sealed_height, coalesce((SELECT b.version FROM balances b WHERE b.address = $1), 0) AS version FROM chain_state c) s
  LEFT JOIN LATERAL (SELECT * FROM postings WHERE address = $1 AND tx_id < $2 ORDER BY tx_id DESC LIMIT ${PAGE}) p ON true`;
const NEWER = `SELECT tx_id, tx_hash, created_at, side, counterparty, amount, block_height, transaction_type
  FROM postings WHERE address = $1 AND tx_id > $2 ORDER BY tx_id ASC LIMIT ${PAGE}`;

describe("plans", { timeout: 180_000 }, () => {
  let database: TestDatabase;
  let owner: Client;
  let app: Client;

  beforeAll(async () => {
    database = await testDatabase();
    owner = await database.connect("dujyo_user");
    app = await database.connect("dujyo_app");
    await loadData({
      connection: database.config("dujyo_user"),
      size: SMALL,
      seed: 3,
      until: UNTIL,
      keys: testKeys,
      progress: noProgress,
    });
    // A history of 1,200 pages, written in the order of time like any other.
    await owner.query(
      `INSERT INTO postings SELECT 1000000 + g, now(), 5, 1, 1, $1, 'DU' || md5(g::text), sha256(g::text::bytea), 'tip'
       FROM generate_series(1, ${1_200 * PAGE}) g`,
      [BUSY],
    );
    await owner.query("VACUUM (ANALYZE) postings");
  }, 180_000);
  afterAll(() => database.drop());

  const scanOf = (nodes: readonly PlanNode[], table: string) =>
    nodes.filter((node) => node["Relation Name"]?.startsWith(table));
  const someAddress = async () =>
    (await owner.query<{ address: string }>("SELECT address FROM balances ORDER BY last_nonce DESC LIMIT 1"))
      .rows[0]?.address ?? "";

  test("a balance takes at most four buffers", async () => {
    const nodes = await explain(
      app,
      "SELECT balance, version, last_nonce, updated_at FROM balances WHERE address = $1",
      [await someAddress()],
    );
    expect(nodes[0]).toMatchObject({ "Node Type": "Index Scan", "Index Name": "balances_pkey" });
    expect(buffers(nodes[0])).toBeLessThanOrEqual(4);
  });

  test.each([
    ["older", OLDER, FIRST_PAGE],
    ["newer", NEWER, "0"],
  ])("a page of a busy history, %s: one partition, at most eight buffers, no heap fetch", async (_, sql, cursor) => {
    const nodes = await explain(app, sql, [BUSY, cursor]);
    const scans = scanOf(nodes, "postings");
    expect(scans).toHaveLength(1);
    expect(scans[0]).toMatchObject({ "Heap Fetches": 0 });
    expect(scans[0]?.["Node Type"]).toMatch(/Index Only Scan/);
    expect(buffers(scans[0])).toBeLessThanOrEqual(8);
    expect(nodes.map((node) => node["Node Type"])).not.toContain("Sort");
  });

  test("page 1,000 takes as many buffers as page 1", async () => {
    const { rows } = await owner.query<{ cursor: string }>(
      "SELECT tx_id AS cursor FROM postings WHERE address = $1 ORDER BY tx_id DESC OFFSET $2 LIMIT 1",
      [BUSY, 999 * PAGE - 1],
    );
    const first = scanOf(await explain(app, OLDER, [BUSY, FIRST_PAGE]), "postings")[0];
    const thousandth = scanOf(await explain(app, OLDER, [BUSY, rows[0]?.cursor ?? ""]), "postings")[0];
    expect(buffers(thousandth) / buffers(first)).toBeLessThanOrEqual(1.2);
  });

  test("a lookup by hash touches one month", async () => {
    const { rows } = await owner.query<{ hash: string; months: number }>(
      `SELECT '\\x' || encode(tx_hash, 'hex') AS hash, (SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'transactions'::regclass) AS months
       FROM transaction_hashes ORDER BY tx_id LIMIT 1`,
    );
    expect(rows[0]?.months).toBeGreaterThan(2);
    const nodes = await explain(
      app,
      `SELECT t.* FROM transaction_hashes h JOIN transactions t ON t.created_at = h.created_at AND t.tx_id = h.tx_id WHERE h.tx_hash = $1`,
      [rows[0]?.hash ?? ""],
    );
    expect(nodes[0]?.["Node Type"]).toBe("Nested Loop");
    expect(scanOf(nodes, "transactions_")).toHaveLength(1);
    expect(nodes.map((node) => node["Index Name"])).toContain("transaction_hashes_pkey");
  });

  test("what the monitoring asks of the ledger does not grow with it", async () => {
    const superuser = await database.connect("postgres");
    await owner.query("VACUUM (ANALYZE) transactions");
    const nodes = await explain(superuser, "SELECT * FROM monitoring.ledger()");
    const { rows } = await owner.query<{ pages: number }>(
      "SELECT sum(relpages)::int AS pages FROM pg_class WHERE relname ~ '^transactions_[0-9]'",
    );
    expect(rows[0]?.pages).toBeGreaterThan(200);
    expect(buffers(nodes[0])).toBeLessThan(60);
  });

  /** Each index of the optimisation, and the statement it is there for. */
  const USES: readonly [index: string, sql: string, values?: readonly (string | number)[]][] = [
    ["idx_postings_history", NEWER, [BUSY, "0"]],
    [
      "idx_transactions_block",
      "SELECT tx_id, tx_hash FROM transactions WHERE block_height = $1 ORDER BY tx_id",
      [7],
    ],
    [
      "idx_transactions_failed",
      "SELECT * FROM transactions WHERE block_height IS NULL ORDER BY created_at DESC LIMIT 20",
    ],
    [
      "idx_transactions_pool",
      "SELECT * FROM transactions WHERE pool_id = $1 ORDER BY tx_id DESC LIMIT 20",
      ["DYO_DYS"],
    ],
    ["transactions_pkey", "SELECT * FROM transaction_stats"],
    [
      "idx_dex_positions_user_active",
      "SELECT pool_id, lp_tokens FROM dex_liquidity_positions WHERE user_address = $1 AND lp_tokens > 0",
      [BUSY],
    ],
    [
      "idx_dex_positions_pool",
      "SELECT user_address, lp_tokens FROM dex_liquidity_positions WHERE pool_id = $1 ORDER BY lp_tokens DESC LIMIT 10",
      ["DYO_DYS"],
    ],
    ["idx_top_holders_rank", "SELECT * FROM top_holders LIMIT 10"],
    ["idx_top_holders_address", "SELECT * FROM top_holders_snapshot WHERE address = $1", [BUSY]],
    ["blocks_pkey", "SELECT * FROM blocks WHERE height < $1 ORDER BY height DESC LIMIT 20", [400]],
    ["blocks_hash_key", "SELECT * FROM blocks WHERE hash = $1", ["\\x00"]],
    [
      "transaction_hashes_from_address_nonce_key",
      "SELECT tx_id FROM transaction_hashes WHERE from_address = $1 AND nonce = $2",
      [BUSY, 1],
    ],
    ["users_email_index_key", "SELECT user_id FROM users WHERE email_index = $1", ["\\x00"]],
    ["users_username_key", "SELECT user_id FROM users WHERE username = $1", ["nobody"]],
    ["users_wallet_address_key", "SELECT user_id FROM users WHERE wallet_address = $1", [BUSY]],
  ];

  test.each(USES)("%s is used", async (index, sql, values) => {
    const { rows } = await owner.query<{ name: string }>(
      "SELECT relid::text AS name FROM pg_partition_tree($1)",
      [index],
    );
    const names = [index, ...rows.map(({ name }) => name)];
    const used = (await explain(app, sql, values)).map((node) => node["Index Name"]);
    expect(
      used.filter((name) => name && names.includes(name)),
      used.join(),
    ).not.toEqual([]);
  });

  test("no index repeats another, and each is in the list above or a key", async () => {
    const { rows: redundant } = await owner.query(
      `SELECT a.indexrelid::regclass::text AS shorter, b.indexrelid::regclass::text AS longer
       FROM pg_index a JOIN pg_index b ON a.indrelid = b.indrelid AND a.indexrelid <> b.indexrelid
       JOIN pg_class c ON c.oid = a.indrelid AND c.relnamespace = 'public'::regnamespace
       WHERE a.indpred IS NOT DISTINCT FROM b.indpred AND a.indnkeyatts <= b.indnkeyatts
         AND (SELECT array_agg(k ORDER BY i) FROM unnest(a.indkey) WITH ORDINALITY t (k, i) WHERE i <= a.indnkeyatts)
           = (SELECT array_agg(k ORDER BY i) FROM unnest(b.indkey) WITH ORDINALITY t (k, i) WHERE i <= a.indnkeyatts)`,
    );
    expect(redundant).toEqual([]);
    const { rows: extra } = await owner.query<{ name: string }>(
      `SELECT i.indexrelid::regclass::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND NOT i.indisprimary
         AND i.indrelid::regclass::text NOT LIKE 'schema_%'
         AND i.indexrelid::regclass::text <> ALL ($1)`,
      [USES.map(([index]) => index)],
    );
    // The pair of tokens is a rule, not a lookup: one pool per pair.
    expect(extra.map(({ name }) => name)).toEqual(["dex_pools_token_a_token_b_key"]);
  });

  // A long transaction anywhere on the server, in another database too, keeps old versions from being cleared, and
  // pages fill up: this figure needs a server without one.
  test("at least 95 % of balance updates are HOT", async () => {
    const counts = async () => {
      await owner.query("SELECT pg_stat_force_next_flush()");
      const { rows } = await owner.query<{ updates: number; hot: number }>(
        "SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 'balances'",
      );
      return rows[0] ?? { updates: 0, hot: 0 };
    };
    const { rows: senders } = await owner.query<{ address: string; next: number }>(
      "SELECT address, last_nonce::int + 1 AS next FROM balances WHERE balance > 100000 LIMIT 300",
    );
    const before = await counts();
    for (const [index, { address, next }] of senders.entries()) {
      const to = senders[(index * 7) % senders.length]?.address ?? address;
      for (let step = 0; step < 5; step += 1) {
        await transfer(app, {
          from: address,
          to,
          amount: 10,
          nonce: next + step,
          key: `${address}${next + step}`,
        });
      }
    }
    await app.query("SELECT pg_stat_force_next_flush()");
    await app.query("SELECT 1");
    const after = await counts();
    expect(after.updates - before.updates).toBeGreaterThan(1_500);
    expect((after.hot - before.hot) / (after.updates - before.updates)).toBeGreaterThanOrEqual(0.95);
  });
});
