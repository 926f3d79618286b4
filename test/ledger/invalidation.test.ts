import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sealAll, transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

describe("invalidation", { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let owner: Client;
  let app: Client;
  let listener: Client;
  let heard: string[] = [];

  beforeAll(async () => {
    database = await testDatabase();
    owner = await database.connect("dujyo_user");
    app = await database.connect("dujyo_app");
    listener = await database.connect("dujyo_app");
    listener.on("notification", ({ payload }) => heard.push(payload ?? ""));
    await listener.query("LISTEN dujyo_invalidate");
    await owner.query("SELECT genesis_allocate('DUa', 1000)");
  }, 60_000);
  afterAll(() => database.drop());
  beforeEach(async () => {
    await received();
    heard = [];
  });

  /** Messages arrive in order of commit: once a marker is there, all before it are. */
  async function received(): Promise<unknown[]> {
    const marker = new Promise<void>((resolve) => {
      const onMarker = ({ channel }: { channel: string }) => {
        if (channel !== "marker") return;
        listener.off("notification", onMarker);
        resolve();
      };
      listener.on("notification", onMarker);
    });
    await listener.query("LISTEN marker");
    await owner.query("NOTIFY marker");
    await marker;
    return heard.filter((payload) => payload !== "").map((payload) => JSON.parse(payload));
  }

  test("a foreign update tells address and version, and the version rises by itself", async () => {
    await owner.query("UPDATE balances SET balance = balance WHERE address = 'DUa'");
    expect(await received()).toEqual([{ t: "balances", k: [["DUa", 2]] }]);
  });

  test("a version can not be turned back", async () => {
    await owner.query("UPDATE balances SET version = 1 WHERE address = 'DUa'");
    expect(await received()).toEqual([{ t: "balances", k: [["DUa", 3]] }]);
  });

  test("the service's own booking is silent, its sealing tells the height", async () => {
    await transfer(app, { from: "DUa", to: "DUb", amount: 10, nonce: 1, key: "k", silent: true });
    expect(await received()).toEqual([]);
    await sealAll(app);
    expect(await received()).toEqual([{ t: "blocks", h: 1 }]);
  });

  test("a booking by SQL tells both sides, whoever made it; its repeat tells nothing", async () => {
    for (const [index, session] of [app, owner].entries()) {
      const order = { from: "DUa", to: "DUb", amount: 1, nonce: 2 + index, key: `sql${index}` };
      const booked = await transfer(session, order);
      expect(await received()).toEqual([
        { t: "balances", k: [["DUa", Number(booked.from_version)]] },
        { t: "balances", k: [["DUb", Number(booked.to_version)]] },
      ]);
      heard = [];
      await transfer(session, order);
      expect(await received()).toEqual([]);
    }
  });

  test("silence ends with the booking, within the transaction", async () => {
    await app.query("BEGIN");
    await transfer(app, { from: "DUa", to: "DUb", amount: 1, nonce: 4, key: "s", silent: true });
    await app.query("INSERT INTO token_balances (address, dys_balance) VALUES ('DUa', 4)");
    await app.query("COMMIT");
    expect(await received()).toEqual([{ t: "token_balances", k: [["DUa", 1]] }]);
  });

  test("silence that the session asked for outlasts a booking", async () => {
    await owner.query("BEGIN; SET LOCAL dujyo.notify = 'off'");
    await transfer(owner, { from: "DUa", to: "DUb", amount: 1, nonce: 5, key: "q", silent: true });
    await owner.query("UPDATE token_balances SET dys_balance = 5; COMMIT");
    expect(await received()).toEqual([]);
  });

  test("a rolled back change is not told", async () => {
    await owner.query("BEGIN; UPDATE balances SET balance = balance; ROLLBACK");
    expect(await received()).toEqual([]);
  });

  test("many rows come in bounded messages, very many as one", async () => {
    const long = "L".repeat(50);
    await owner.query("INSERT INTO balances (address) SELECT $1 || g FROM generate_series(1, 2000) g", [
      long,
    ]);
    const messages = await received();
    expect(messages.flatMap((message) => (message as { k: unknown[] }).k)).toHaveLength(2000);
    for (const payload of heard) expect(payload.length).toBeLessThan(7900);
    heard = [];
    await owner.query("INSERT INTO balances (address) SELECT 'M' || g FROM generate_series(1, 2001) g");
    expect(await received()).toEqual([{ t: "balances", all: true }]);
  });
});
