import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { type Client, DatabaseError } from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { mustRun } from "../../tools/process.ts";
import { type Booked, brokenInvariants, sealAll, type Transfer, transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

const PAYERS = 6;
const ORDERS = 25;
/** How long a client goes on asking while the server starts again. */
const PATIENCE_MS = 60_000;

const order = fc.record({
  to: fc.integer({ min: 0, max: PAYERS + 2 }),
  amount: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 2_000 })),
  seal: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});
const plan = fc.record({
  orders: fc.array(fc.array(order, { minLength: ORDERS, maxLength: ORDERS }), {
    minLength: PAYERS,
    maxLength: PAYERS,
  }),
  // After so many answered orders the postmaster is killed, wherever the other bookings stand at that moment.
  crashAt: fc.integer({ min: 10, max: (PAYERS * ORDERS) / 2 }),
  // And so many orders apart somebody's session is ended.
  endEvery: fc.integer({ min: 3, max: 9 }),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

describe("random concurrent transfers while the server crashes", { timeout: 300_000 }, () => {
  let database: TestDatabase;
  let round = 0;

  beforeAll(async () => {
    database = await testDatabase();
    const owner = await database.connect("dujyo_user");
    for (let payer = 0; payer < PAYERS; payer += 1)
      await owner.query("SELECT genesis_allocate($1, 20000)", [`DU${payer}`]);
  }, 60_000);
  afterAll(() => database.drop());

  test("invariants hold, each key is booked once, and replays change nothing", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (drawn) => {
        round += 1;
        const { answers, crashes } = await carryOut(drawn);
        expect(crashes).toBe(1);
        await withSession(async (client) => {
          expect(await brokenInvariants(client)).toEqual([]);
          const before = await facts(client);
          for (const [wanted, first] of answers)
            expect(await transfer(client, wanted)).toMatchObject({ tx_id: first.tx_id, replayed: true });
          expect(await facts(client)).toEqual(before);
          await sealAll(client);
          expect(await brokenInvariants(client)).toEqual([]);
        });
      }),
      { numRuns: 3 },
    );
  });

  async function withSession<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await reconnect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  const facts = async (client: Client) =>
    (
      await client.query(
        "SELECT (SELECT count(*) FROM transactions) AS t, (SELECT count(*) FROM postings) AS p, (SELECT json_agg(b ORDER BY address) FROM (SELECT address, balance, version, last_nonce FROM balances) b) AS b",
      )
    ).rows[0];

  async function carryOut({ orders, crashAt, endEvery }: Plan) {
    const answers: [Transfer, Booked][] = [];
    let answered = 0;
    let crashes = 0;
    const afterOrder = async (): Promise<void> => {
      answered += 1;
      if (answered === crashAt) {
        crashes += 1;
        await crash();
      } else if (answered % endEvery === 0) await endSomeSession();
    };
    await Promise.all(
      orders.map(async (list, payer) => {
        const teller = new Teller();
        let nonce = await teller.nextNonce(`DU${payer}`);
        for (const [step, { to, amount, seal }] of list.entries()) {
          const wanted = { from: `DU${payer}`, to: `DU${to}`, amount, nonce, key: `${round}-${step}` };
          const booked = await teller.book(wanted);
          if (booked) {
            answers.push([wanted, booked]);
            nonce += 1;
          }
          if (seal) await teller.ask((client) => client.query("SELECT seal_block()"));
          await afterOrder();
        }
        await teller.close();
      }),
    );
    return { answers, crashes };
  }

  /** Kills the postmaster and leaves the backends to find out; the container starts a new one. */
  async function crash(): Promise<void> {
    const kill = 'kill -9 "$(head -n 1 /var/lib/dujyo/pgdata/postmaster.pid)"';
    await mustRun("docker", ["exec", inject("scratchContainer"), "sh", "-c", kill]);
  }

  /** Ends the session of one of the clients, most likely one that is booking. */
  async function endSomeSession(): Promise<void> {
    await new Teller("postgres").ask(async (client) => {
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = 'dujyo_app' ORDER BY state = 'active' DESC, random() LIMIT 1`,
      );
      await client.end();
    });
  }

  async function reconnect(role: "dujyo_app" | "postgres" = "dujyo_app"): Promise<Client> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await database.connect(role);
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await pause(100);
      }
    }
  }

  /** A client that repeats what it got no answer to, over a new session. */
  class Teller {
    readonly #role: "dujyo_app" | "postgres";
    #client: Client | undefined;

    constructor(role: "dujyo_app" | "postgres" = "dujyo_app") {
      this.#role = role;
    }

    async ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
      const deadline = Date.now() + PATIENCE_MS;
      for (;;) {
        try {
          this.#client ??= await reconnect(this.#role);
          return await question(this.#client);
        } catch (error) {
          if (refused(error) || Date.now() > deadline) throw error;
          await this.close();
        }
      }
    }

    /** The booking, or undefined where the balance does not cover it. */
    async book(wanted: Transfer): Promise<Booked | undefined> {
      try {
        return await this.ask((client) => transfer(client, wanted));
      } catch (error) {
        if ((error as DatabaseError).code === "DJ001") return undefined;
        throw error;
      }
    }

    async nextNonce(address: string): Promise<number> {
      const { rows } = await this.ask((client) =>
        client.query<{ next: string }>("SELECT last_nonce + 1 AS next FROM balances WHERE address = $1", [
          address,
        ]),
      );
      return Number(rows[0]?.next ?? 1);
    }

    async close(): Promise<void> {
      await this.#client?.end().catch(() => undefined);
      this.#client = undefined;
    }
  }

  /** Whether the ledger gave its answer; everything else is a session that broke. */
  function refused(error: unknown): boolean {
    return error instanceof DatabaseError && (error.code?.startsWith("DJ") ?? false);
  }
});
