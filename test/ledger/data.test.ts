import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeAccounts, SUPPLY } from "../../tools/data/accounts.ts";
import { LedgerHistory } from "../../tools/data/ledger.ts";
import { loadData } from "../../tools/data/loader.ts";
import { noProgress, showProgress } from "../../tools/data/progress.ts";
import { checkInvariants } from "../../tools/data/verify.ts";
import { sealAll, transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { SMALL, testKeys, UNTIL } from "./loaded-data.ts";

describe("generated data", { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let owner: Client;
  const load = (progress = noProgress) =>
    loadData({
      connection: database.config("dujyo_user"),
      size: SMALL,
      seed: 5,
      until: UNTIL,
      keys: testKeys,
      progress,
    });

  const heard: (string | undefined)[] = [];
  let heardOfLoad: (string | undefined)[] = [];
  const shown: string[] = [];

  beforeAll(async () => {
    database = await testDatabase();
    owner = await database.connect("dujyo_user");
    owner.on("notification", ({ payload }) => heard.push(payload));
    await owner.query("LISTEN dujyo_invalidate");
    await load(showProgress({ line: (text) => shown.push(text), note: (text) => shown.push(text) }));
    // What was told until now is read with the next answer.
    await owner.query("SELECT 1");
    heardOfLoad = [...heard];
  }, 120_000);
  afterAll(() => database.drop());

  const one = async (sql: string) => (await owner.query(sql)).rows[0];

  test("holds every invariant, also after the service went on with it", async () => {
    const app = await database.connect("dujyo_app");
    const { address, next } = await one(
      "SELECT address, last_nonce::int + 1 AS next FROM balances WHERE balance > 1000 ORDER BY 1 LIMIT 1",
    );
    await transfer(app, { from: address, to: "DUnew", amount: 5, nonce: next, key: "after" });
    await sealAll(app);
    const invariants = await checkInvariants(database.config("dujyo_user"));
    expect(invariants.length).toBeGreaterThan(6);
    expect(invariants.filter(({ ok }) => !ok)).toEqual([]);
  });

  test("has the entities asked for, in the shape of a real ledger", async () => {
    const counts =
      await one(`SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM transactions) - 1 AS transactions,
      (SELECT count(*)::int FROM blocks) - 1 AS blocks, (SELECT count(*)::int FROM dex_pools) AS pools,
      (SELECT count(*)::int FROM dex_liquidity_positions) AS positions`);
    const { days: _, ...expected } = SMALL;
    expect(counts).toEqual(expected);
    const shape = await one(`SELECT
      avg((block_height IS NULL)::int)::float AS failed, count(*) FILTER (WHERE from_address = to_address)::int AS own,
      count(*)::int - count(DISTINCT created_at)::int AS same_time, count(DISTINCT transaction_type)::int AS types FROM transactions`);
    expect(shape.failed).toBeGreaterThan(0.005);
    expect(shape.failed).toBeLessThan(0.02);
    expect(shape.own).toBeGreaterThan(10);
    expect(shape.same_time).toBeGreaterThan(100);
    expect(shape.types).toBe(5);
    const { zero } = await one("SELECT avg((balance = 0)::int)::float AS zero FROM balances");
    expect(zero).toBeGreaterThan(0.15);
    expect(zero).toBeLessThan(0.35);
    const { share } = await one(
      `SELECT max(n) / sum(n)::float AS share FROM (SELECT count(*) AS n FROM postings GROUP BY address) t`,
    );
    expect(share).toBeGreaterThan(0.03);
  });

  test("shows how far each task is", () => {
    for (const task of ["transactions", "postings", "hashes", "blocks", "accounts", "indexes"]) {
      expect(shown).toContain(`${task} [${"#".repeat(24)}] 100 %`);
      expect(shown).toContainEqual(expect.stringMatching(new RegExp(`^${task}: \\d+\\.\\d s$`)));
    }
    expect(shown.some((line) => /^postings \[#+\.+\] [1-9]\d? %$/.test(line))).toBe(true);
  });

  test("tells the caches once that everything changed", () => {
    expect(heardOfLoad.map((payload) => JSON.parse(payload ?? ""))).toEqual([{ t: "balances", all: true }]);
  });

  test("a database with rows is refused and stays as it is", async () => {
    const before = await one("SELECT count(*) FROM transactions");
    await expect(load()).rejects.toThrow(/Table users is not empty.*npm run up -- --data/);
    expect(await one("SELECT count(*) FROM transactions")).toEqual(before);
  });

  test("e-mail addresses are stored as bytes only", async () => {
    const { rows } = await owner.query("SELECT * FROM users LIMIT 5");
    expect(
      JSON.stringify(
        rows.map((row) => ({ ...row, email_ciphertext: row.email_ciphertext.toString("latin1") })),
      ),
    ).not.toContain("example.org");
  });

  test("the same seed gives the same history, another one another", () => {
    const play = (seed: number) => {
      const history = new LedgerHistory(makeAccounts(SMALL, seed), SMALL, UNTIL, seed);
      return [...history.play()].map(({ hash, time }) => `${hash}${time}`);
    };
    expect(play(1)).toEqual(play(1));
    expect(play(1)[0]).not.toBe(play(2)[0]);
  });

  test("no balance is ever negative, and nothing is made or lost", () => {
    const history = new LedgerHistory(makeAccounts(SMALL, 9), SMALL, UNTIL, 9);
    for (const { from } of history.play()) expect(history.state.balances[from]).toBeGreaterThanOrEqual(0);
    expect(history.state.balances.reduce((sum, balance) => sum + balance, 0)).toBe(SUPPLY);
  });
});
