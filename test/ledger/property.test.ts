import fc from "fast-check";
import { type Client, DatabaseError } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Booked, brokenInvariants, type Transfer, transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

const ACCOUNTS = 8;
const WORKERS = 4;

/** One intention; the nonce is found when it is carried out. */
const intention = fc.record({
  from: fc.integer({ min: 0, max: ACCOUNTS - 1 }),
  to: fc.integer({ min: 0, max: ACCOUNTS + 2 }),
  amount: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 5_000 })),
  repeat: fc.integer({ min: 0, max: 2 }),
  seal: fc.boolean(),
  // The session dies at some moment of the booking, or after it: the caller can not tell and asks again.
  crash: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
type Intention = typeof intention extends fc.Arbitrary<infer T> ? T : never;

describe("random concurrent transfers with repeats and crashes", { timeout: 300_000 }, () => {
  let database: TestDatabase;
  let owner: Client;
  let superuser: Client;
  let round = 0;

  beforeAll(async () => {
    database = await testDatabase();
    owner = await database.connect("dujyo_user");
    superuser = await database.connect("postgres");
    for (let account = 0; account < ACCOUNTS; account += 1) {
      await owner.query("SELECT genesis_allocate($1, 2000)", [`DU${account}`]);
    }
  }, 60_000);
  afterAll(() => database.drop());

  test("invariants hold, and each key has one answer", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(intention, { maxLength: 12 }), { minLength: WORKERS, maxLength: WORKERS }),
        async (plans) => {
          round += 1;
          const answers = await Promise.all(
            plans.map((plan, worker) => carryOut(plan, `${round}-${worker}`)),
          );
          expect(await brokenInvariants(owner)).toEqual([]);
          for (const [key, given] of answers.flatMap((each) => [...each])) {
            const facts = given.map(({ replayed: _, sealed_height: __, ...fixed }) => fixed);
            for (const each of facts) expect(each, key).toEqual(facts[0]);
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  async function carryOut(plan: readonly Intention[], name: string): Promise<Map<string, Booked[]>> {
    const answers = new Map<string, Booked[]>();
    let client = await database.connect("dujyo_app");
    for (const [step, { from, to, amount, repeat, seal, crash }] of plan.entries()) {
      const sender = `DU${from}`;
      const wanted = { from: sender, to: `DU${to}`, amount, key: `${name}-${step}` };
      const given: Booked[] = [];
      for (let attempt = 0; attempt <= repeat; attempt += 1) {
        // A repeat carries the nonce of the first answer; a first attempt finds the next one, and may be outrun.
        const nonce = given[0] ? Number(given[0].from_nonce) : await nextNonce(client, sender);
        if (crash && attempt === 0) client = await dieWhile(client, { ...wanted, nonce });
        try {
          given.push(await transfer(client, { ...wanted, nonce }));
        } catch (error) {
          // The lost attempt may have been booked under its nonce: then the same nonce gets its answer.
          if (!(error instanceof DatabaseError) || !["DJ001", "DJ002", "DJ003"].includes(error.code ?? ""))
            throw error;
        }
      }
      if (given.length > 0) answers.set(wanted.key, given);
      if (seal) await client.query("SELECT seal_block()");
    }
    await client.end();
    return answers;
  }

  /** Starts the booking, has its server process killed, and returns a new session. */
  async function dieWhile(client: Client, wanted: Transfer): Promise<Client> {
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    const booking = transfer(client, wanted).then(
      () => undefined,
      () => undefined,
    );
    await superuser.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
    await booking;
    await client.end().catch(() => undefined);
    return database.connect("dujyo_app");
  }

  async function nextNonce(client: Client, address: string): Promise<number> {
    const { rows } = await client.query<{ next: string }>(
      "SELECT last_nonce + 1 AS next FROM balances WHERE address = $1",
      [address],
    );
    return Number(rows[0]?.next ?? 1);
  }
});
