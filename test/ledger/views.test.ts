import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sealAll, transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

describe("views and monitoring functions", { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let app: Client;

  beforeAll(async () => {
    database = await testDatabase();
    const owner = await database.connect("dujyo_user");
    app = await database.connect("dujyo_app");
    await owner.query(
      "SELECT genesis_allocate('DUa', 600), genesis_allocate('DUb', 300), genesis_allocate('DUc', 100)",
    );
    await owner.query(
      "INSERT INTO token_balances (address, dys_balance, staked_balance) VALUES ('DUb', 200, 100), ('DUtokens', 300, 0), ('DUnone', 0, 0)",
    );
  }, 60_000);
  afterAll(() => database.drop());

  test("user_balance_summary has every holder once, in one unit", async () => {
    const { rows } = await app.query(
      "SELECT address, dyo_balance, dys_balance, staked_balance, total_balance FROM user_balance_summary ORDER BY address",
    );
    expect(rows.map((row) => Object.values(row))).toEqual([
      ["DUa", "600", "0", "0", "600"],
      ["DUb", "300", "200", "100", "600"],
      ["DUc", "100", "0", "0", "100"],
      ["DUtokens", "0", "300", "0", "300"],
    ]);
  });

  test("top_holders ranks with ties and shares, after a refresh whose time is recorded", async () => {
    expect((await app.query("SELECT * FROM top_holders")).rows).toEqual([]);
    expect((await app.query("SELECT refresh_top_holders() AS done")).rows).toEqual([{ done: true }]);
    const { rows } = await app.query(
      "SELECT address, total_balance, rank, percentage FROM top_holders LIMIT 10",
    );
    expect(rows.map((row) => Object.values(row))).toEqual([
      ["DUa", "600", "1", "37.5000"],
      ["DUb", "600", "1", "37.5000"],
      ["DUtokens", "300", "3", "18.7500"],
      ["DUc", "100", "4", "6.2500"],
    ]);
    const age = await app.query(
      "SELECT clock_timestamp() - finished_at < interval '1 minute' AS fresh FROM maintenance_runs WHERE task = 'top_holders'",
    );
    expect(age.rows).toEqual([{ fresh: true }]);
  });

  test("a snapshot that is young enough is not made again", async () => {
    const refresh = async (olderThan: string) =>
      (await app.query("SELECT refresh_top_holders($1) AS done", [olderThan])).rows;
    expect(await refresh("1 hour")).toEqual([{ done: false }]);
    expect(await refresh("0")).toEqual([{ done: true }]);
  });

  test("transaction_stats counts by status; volume of confirmed ones alone", async () => {
    await transfer(app, { from: "DUa", to: "DUb", amount: 50, nonce: 1, key: "1" });
    await transfer(app, { from: "DUa", to: "DUb", amount: 25, nonce: 2, key: "2" });
    await sealAll(app);
    await transfer(app, { from: "DUa", to: "DUb", amount: 7, nonce: 3, key: "3" });
    const { rows } = await app.query(
      `SELECT sum(total_transactions)::int AS total, sum(confirmed_transactions)::int AS confirmed, sum(pending_transactions)::int AS pending,
              sum(total_volume)::int AS volume, bool_and(hour <= now()) AS past FROM transaction_stats`,
    );
    expect(rows).toEqual([{ total: 3, confirmed: 2, pending: 1, volume: 75, past: true }]);
    expect(
      (await app.query("SELECT sealed_transactions, pending_transactions FROM ledger_counts()")).rows,
    ).toEqual([{ sealed_transactions: "2", pending_transactions: "1" }]);
    expect((await app.query("SELECT address FROM block_addresses(1) ORDER BY 1")).rows).toEqual([
      { address: "DUa" },
      { address: "DUb" },
    ]);
  });

  test("get_index_usage counts scans under the parents' names", async () => {
    await app.query("SET enable_seqscan = off");
    await app.query("SELECT tx_id FROM postings WHERE address = 'DUa' AND tx_id < 100");
    await app.query("SELECT pg_stat_force_next_flush()");
    await app.query("RESET enable_seqscan");
    const { rows } = await app.query("SELECT * FROM get_index_usage()");
    expect(Object.keys(rows[0] ?? {})).toEqual([
      "table_name",
      "index_name",
      "index_scans",
      "tuples_read",
      "tuples_fetched",
    ]);
    const names = rows.map(({ index_name }) => index_name);
    expect(new Set(names).size).toBe(names.length);
    const history = rows.find(({ index_name }) => index_name === "idx_postings_history");
    expect(history).toMatchObject({ table_name: "postings" });
    expect(Number(history?.index_scans)).toBeGreaterThan(0);
  });

  test("get_slow_queries finds what is slow, for every role, and takes a threshold", async () => {
    await app.query("SELECT pg_sleep(0.3) AS slept_for_a_while");
    const readonly = await database.connect("dujyo_readonly");
    const { rows } = await readonly.query("SELECT * FROM get_slow_queries(200)");
    expect(Object.keys(rows[0] ?? {})).toEqual(["query_text", "calls", "total_time", "mean_time", "rows"]);
    const slow = rows.find(({ query_text }) => query_text.includes("slept_for_a_while"));
    expect(slow?.query_text).toBe("SELECT pg_sleep($1) AS slept_for_a_while");
    expect(slow?.mean_time).toBeGreaterThan(299);
    const defaults = await readonly.query("SELECT * FROM get_slow_queries()");
    expect(defaults.rows.filter(({ mean_time }) => mean_time <= 1000)).toEqual([]);
  });
});
