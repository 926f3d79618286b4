import { createHash } from "node:crypto";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { transactionHash } from "../../tools/data/chain.ts";
import { brokenInvariants, refusal, transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

describe("booking", { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let app: Client;

  beforeAll(async () => {
    database = await testDatabase();
    const owner = await database.connect("dujyo_user");
    await owner.query("SELECT genesis_allocate('DUbank', 1000000), genesis_allocate('DUother', 1000)");
    app = await database.connect("dujyo_app");
  }, 60_000);
  afterAll(async () => {
    expect(await brokenInvariants(app)).toEqual([]);
    await database.drop();
  });

  const balance = async (address: string) =>
    (await app.query("SELECT balance, version, last_nonce FROM balances WHERE address = $1", [address]))
      .rows[0];
  const size = async () =>
    (await app.query("SELECT (SELECT count(*) FROM transactions) AS t, (SELECT count(*) FROM postings) AS p"))
      .rows[0];

  test("debits, credits, and answers with both sides", async () => {
    const booked = await transfer(app, { from: "DUbank", to: "DUnew", amount: 100, nonce: 1, key: "k1" });
    expect(booked).toMatchObject({
      replayed: false,
      block_height: "1",
      sealed_height: "0",
      from_balance: "999900",
      from_version: "2",
      from_nonce: "1",
      to_balance: "100",
      to_version: "1",
    });
    expect(booked.tx_hash).toBe(
      transactionHash({ from: "DUbank", to: "DUnew", amount: 100, nonce: 1, type: "transfer" }),
    );
    expect(await balance("DUbank")).toEqual({ balance: "999900", version: "2", last_nonce: "1" });
    expect(await balance("DUnew")).toEqual({ balance: "100", version: "1", last_nonce: "0" });
  });

  test("a repeat gets the first answer and changes nothing", async () => {
    const before = await size();
    const first = await transfer(app, { from: "DUbank", to: "DUnew", amount: 5, nonce: 2, key: "k2" });
    await transfer(app, { from: "DUbank", to: "DUnew", amount: 7, nonce: 3, key: "k3" });
    const again = await transfer(app, { from: "DUbank", to: "DUnew", amount: 5, nonce: 2, key: "k2" });
    expect(again).toEqual({ ...first, replayed: true });
    expect(Number((await size()).t)).toBe(Number(before.t) + 2);
  });

  test("the same key with another request is refused; another sender may use it", async () => {
    expect(
      await refusal(transfer(app, { from: "DUbank", to: "DUnew", amount: 6, nonce: 4, key: "k1" })),
    ).toMatchObject({ code: "DJ003" });
    await transfer(app, { from: "DUother", to: "DUnew", amount: 6, nonce: 1, key: "k1" });
  });

  test("overdraft, wrong nonce and unknown sender change nothing", async () => {
    const before = await size();
    const bank = await balance("DUbank");
    expect(
      await refusal(transfer(app, { from: "DUbank", to: "DUnew", amount: 1_000_000, nonce: 4, key: "k4" })),
    ).toEqual({
      code: "DJ001",
      detail: { balance: Number(bank.balance) },
    });
    for (const nonce of [3, 5]) {
      expect(
        await refusal(transfer(app, { from: "DUbank", to: "DUnew", amount: 1, nonce, key: `n${nonce}` })),
      ).toEqual({
        code: "DJ002",
        detail: { expected: 4 },
      });
    }
    expect(
      await refusal(transfer(app, { from: "DUnobody", to: "DUbank", amount: 1, nonce: 1, key: "k" })),
    ).toEqual({
      code: "DJ001",
      detail: { balance: 0 },
    });
    expect(await size()).toEqual(before);
    expect(await balance("DUbank")).toEqual(bank);
    // A key that was refused is free for the corrected request.
    await transfer(app, { from: "DUbank", to: "DUnew", amount: 1, nonce: 4, key: "k4" });
  });

  test("bad arguments are named", async () => {
    const good = { from: "DUbank", to: "DUnew", amount: 1, nonce: 5, key: "x" };
    for (const [field, bad] of [
      ["from", { from: "DU bank" }],
      ["to", { to: "" }],
      ["to", { to: "a".repeat(65) }],
      ["amount", { amount: 0 }],
      ["amount", { amount: -5 }],
      ["nonce", { nonce: 0 }],
      ["idempotency_key", { key: "" }],
      ["idempotency_key", { key: "k".repeat(256) }],
    ] as const) {
      expect(await refusal(transfer(app, { ...good, ...bad }))).toEqual({ code: "DJ004", detail: { field } });
    }
  });

  test("a transfer to oneself moves nothing, counts once, and shows once", async () => {
    const before = await balance("DUother");
    const booked = await transfer(app, { from: "DUother", to: "DUother", amount: 10, nonce: 2, key: "self" });
    expect(booked.from_balance).toBe(before.balance);
    expect(booked.to_version).toBe(booked.from_version);
    const { rows } = await app.query("SELECT side, amount FROM postings WHERE tx_id = $1", [booked.tx_id]);
    expect(rows).toEqual([{ side: 0, amount: "10" }]);
    expect(
      await refusal(transfer(app, { from: "DUother", to: "DUother", amount: 5000, nonce: 3, key: "self2" })),
    ).toMatchObject({ code: "DJ001" });
  });

  test("only read committed is accepted", async () => {
    for (const level of ["REPEATABLE READ", "SERIALIZABLE"]) {
      await app.query(`BEGIN ISOLATION LEVEL ${level}`);
      expect(
        await refusal(transfer(app, { from: "DUbank", to: "DUnew", amount: 1, nonce: 5, key: "i" })),
      ).toMatchObject({ code: "DJ005" });
      await app.query("ROLLBACK");
    }
  });

  test("twenty uses of one key at once book one transaction", async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => database.connect("dujyo_app")));
    const answers = await Promise.all(
      clients.map((client) =>
        transfer(client, { from: "DUbank", to: "DUnew", amount: 3, nonce: 5, key: "many" }),
      ),
    );
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ tx_id }) => tx_id)).size).toBe(1);
  });

  test("an unknown receiver credited from many sides at once gets one row", async () => {
    const owner = await database.connect("dujyo_user");
    const senders = Array.from({ length: 10 }, (_, index) => `DUsender${index}`);
    const clients = await Promise.all(senders.map(() => database.connect("dujyo_app")));
    const nonce = Number((await balance("DUbank")).last_nonce);
    for (const [index, to] of senders.entries()) {
      await transfer(app, { from: "DUbank", to, amount: 50, nonce: nonce + 1 + index, key: `fund${index}` });
    }
    await Promise.all(
      clients.map((client, index) =>
        transfer(client, { from: `DUsender${index}`, to: "AAfresh", amount: 50, nonce: 1, key: "go" }),
      ),
    );
    expect(await balance("AAfresh")).toMatchObject({ balance: "500", version: "10" });
    await owner.end();
  });

  test("the request hash is what is compared", async () => {
    const call = (hash: string) =>
      app.query("SELECT replayed FROM ledger_transfer('DUother', 'DUbank', 1, 3, 'h', $1)", [
        createHash("sha256").update(hash).digest(),
      ]);
    await call("a");
    expect((await call("a")).rows).toEqual([{ replayed: true }]);
    expect(await refusal(call("b"))).toMatchObject({ code: "DJ003" });
  });
});
