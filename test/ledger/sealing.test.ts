import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokenInvariants, sealAll, transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

describe("sealing", { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let app: Client;
  let nonce = 0;
  const book = (client: Client) => {
    nonce += 1;
    return transfer(client, { from: "DUbank", to: "DUuser", amount: 1, nonce, key: `k${nonce}` });
  };
  const seal = async (client: Client) =>
    (
      await client.query<{ outcome: string; height: string; tx_count: number }>(
        "SELECT outcome, height, tx_count FROM seal_block('v1')",
      )
    ).rows[0];
  const status = async (id: string) =>
    (await app.query("SELECT status, block_height FROM ledger_transactions WHERE tx_id = $1", [id])).rows[0];

  beforeAll(async () => {
    database = await testDatabase();
    await (await database.connect("dujyo_user")).query("SELECT genesis_allocate('DUbank', 1000000)");
    app = await database.connect("dujyo_app");
  }, 60_000);
  afterAll(() => database.drop());

  test("an empty block is not sealed", async () => {
    expect(await seal(app)).toMatchObject({ outcome: "idle" });
  });

  test("pending becomes confirmed, with the block's height, count and hash", async () => {
    const booked = await book(app);
    await book(app);
    expect(await status(booked.tx_id)).toEqual({ status: "pending", block_height: null });
    expect(await seal(app)).toMatchObject({ outcome: "closed", height: "1" });
    expect(await status(booked.tx_id)).toEqual({ status: "pending", block_height: null });
    expect(await seal(app)).toEqual({ outcome: "sealed", height: "1", tx_count: 2 });
    expect(await status(booked.tx_id)).toEqual({ status: "confirmed", block_height: "1" });
    expect((await book(app)).block_height).toBe("2");
    expect(await brokenInvariants(app)).toEqual([]);
  });

  test("a block waits for its bookings in flight; later ones go to the next", async () => {
    const slow = await database.connect("dujyo_app");
    await slow.query("BEGIN");
    const inFlight = await book(slow);
    expect(await seal(app)).toMatchObject({ outcome: "closed", height: inFlight.block_height });
    expect(await seal(app)).toMatchObject({ outcome: "waiting" });
    await slow.query("COMMIT");
    const later = await book(app);
    expect(Number(later.block_height)).toBe(Number(inFlight.block_height) + 1);
    expect(await seal(app)).toMatchObject({ outcome: "sealed", height: inFlight.block_height, tx_count: 2 });
    expect(await brokenInvariants(app)).toEqual([]);
  });

  test("one instance at a time; the lock ends with the transaction", async () => {
    const first = await database.connect("dujyo_app");
    await book(app);
    await first.query("BEGIN");
    expect(await seal(first)).toMatchObject({ outcome: "closed" });
    expect(await seal(app)).toMatchObject({ outcome: "busy" });
    await first.query("ROLLBACK");
    expect(await seal(app)).toMatchObject({ outcome: "closed" });
  });

  test("many sealers beside many writers leave one chain", async () => {
    await sealAll(app);
    const writers = await Promise.all(Array.from({ length: 6 }, () => database.connect("dujyo_app")));
    const sealers = await Promise.all(Array.from({ length: 4 }, () => database.connect("dujyo_app")));
    for (const index of writers.keys()) {
      nonce += 1;
      await transfer(app, { from: "DUbank", to: `DUwriter${index}`, amount: 1000, nonce, key: `w${index}` });
    }
    let writing = true;
    const sealed: string[] = [];
    const sealing = sealers.map(async (client) => {
      while (writing) {
        const step = await seal(client);
        if (step?.outcome === "sealed") sealed.push(step.height);
      }
    });
    await Promise.all(
      writers.map(async (client, index) => {
        for (let own = 1; own <= 60; own += 1) {
          await transfer(client, {
            from: `DUwriter${index}`,
            to: "DUuser",
            amount: 1,
            nonce: own,
            key: `${own}`,
          });
        }
      }),
    );
    writing = false;
    await Promise.all(sealing);
    await sealAll(app);
    expect(new Set(sealed).size).toBe(sealed.length);
    expect(sealed.length).toBeGreaterThan(3);
    expect(await brokenInvariants(app)).toEqual([]);
    const { rows } = await app.query(
      "SELECT count(*)::int AS pending FROM ledger_transactions WHERE status = 'pending'",
    );
    expect(rows).toEqual([{ pending: 0 }]);
  });
});
