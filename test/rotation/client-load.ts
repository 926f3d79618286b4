import { loadavg } from "node:os";
import { Client, Pool } from "pg";
import { bearerToken } from "../../ops/bearer-token.ts";
import { type Address, type Connection, LOGINS } from "../../ops/connection.ts";
import { type Login, sessionOptions, withSession } from "../../ops/postgres/session.ts";
import { mustRun } from "../../tools/process.ts";
import { SteadyLoad } from "../service/support/steady-load.ts";
import { redisClient } from "../support/clients.ts";
import { stackConnection } from "../support/stack-commands.ts";

/** What became of everything that clients asked for while something went on. */
export interface Figures {
  readonly seconds: number;
  readonly operations: number;
  readonly failed: number;
  /** What was wrong with how many, by the kind of operation; of kinds with failures alone. */
  readonly complaints: Readonly<Record<string, Record<string, number>>>;
  /** Milliseconds from when it was due. */
  readonly slowest: number;
  /** Of the last minute, at the end. */
  readonly loadAverage: number;
}

/** What an API's file says of the passwords of a role: during a rotation there are two. */
async function knownPasswords(stack: string, role: string): Promise<string[]> {
  const file = `/etc/dujyo/secrets/${role.replace("_", "-")}-password`;
  const text = await mustRun("docker", ["exec", `dujyo-${stack}-api-0`, "cat", file]);
  return text.trim().split("\n");
}

/** A new session of a client that learns of new passwords as the API does, and tries one after the other. */
async function logInAnew(
  stack: string,
  connection: Connection,
  login: Login,
  address: Address,
  database: string,
): Promise<undefined> {
  let refusal: unknown;
  for (const password of await knownPasswords(stack, LOGINS[login]))
    try {
      await withSession(sessionOptions(connection, address, login, { database, password }), (session) =>
        session.query("SELECT 1"),
      );
      return undefined;
    } catch (error) {
      refusal = error;
    }
  throw refusal;
}

/** Bookings of an account of its own, one after the other, each with the next nonce. */
async function bookings(stack: string, connection: Connection): Promise<() => Promise<string | undefined>> {
  const address = "DU-rotation-payer";
  const owner = new Client(sessionOptions(connection, connection.writer, "owner"));
  await owner.connect();
  await owner.query(
    "SELECT genesis_allocate($1, 100000000) WHERE NOT EXISTS (SELECT FROM balances WHERE address = $1)",
    [address],
  );
  const { rows } = await owner.query<{ last: number }>(
    "SELECT last_nonce::int AS last FROM balances WHERE address = $1",
    [address],
  );
  await owner.end();
  const token = await bearerToken(stack, connection, { address, ttl: "7200" });
  let nonce = Number(rows[0]?.last);
  const book = async () => {
    nonce += 1;
    const answer = await fetch(`http://127.0.0.1:${connection.api.port}/transaction`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
        "idempotency-key": `rotation-${Date.now()}-${nonce}`,
      },
      body: JSON.stringify({ from: address, to: "DU-rotation-receiver", amount: 1, nonce }),
    });
    return complaintOf(answer);
  };
  let turn: Promise<unknown> = Promise.resolve();
  return () => {
    const mine = turn.then(book);
    turn = mine.catch(() => undefined);
    return mine;
  };
}

async function complaintOf(answer: Response): Promise<string | undefined> {
  const text = await answer.text();
  return answer.status === 200 ? undefined : `${answer.status}: ${text.slice(0, 200)}`;
}

/** About 75 operations a second of all kinds, as clients of a stack ask for them, until `work` has ended. */
export async function loadDuring(stack: string, work: () => Promise<unknown>): Promise<Figures> {
  const connection = await stackConnection(stack);
  const { api, pooler, writer, database } = connection;
  const pool = new Pool({ ...sessionOptions(connection, pooler, "app"), max: 5, idleTimeoutMillis: 0 });
  pool.on("error", () => undefined);
  // Five sessions that are open before anything changes.
  await Promise.all(Array.from({ length: 5 }, () => pool.query("SELECT pg_sleep(0.2)")));
  const redis = redisClient(connection);
  const anew = (login: Login, address: Address, name: string) => () =>
    logInAnew(stack, connection, login, address, name);
  let count = 0;
  const kinds: Readonly<Record<string, readonly [perSecond: number, () => Promise<string | undefined>]>> = {
    // Of an account of its own each time, which no cache has.
    reads: [
      30,
      async () =>
        complaintOf(await fetch(`http://127.0.0.1:${api.port}/balance/DU-${Date.now()}-${count++}`)),
    ],
    bookings: [2, await bookings(stack, connection)],
    "statements in open sessions": [20, async () => void (await pool.query("SELECT pg_current_xact_id()"))],
    "sessions with the pooler": [1, anew("app", pooler, database)],
    "sessions with the pooler's reader": [1, anew("readonly", pooler, `${database}_ro`)],
    "sessions with the primary": [1, anew("app", writer, database)],
    "writes and reads of Redis": [
      20,
      async () => {
        const key = `dujyo:rotation:${count++ % 1_000}`;
        await redis.set(key, key, "EX", 60);
        return (await redis.get(key)) === key ? undefined : "another value";
      },
    ],
  };
  const started = performance.now();
  const loads = Object.entries(kinds).map(
    ([kind, [perSecond, request]]) => [kind, new SteadyLoad(perSecond, request)] as const,
  );
  try {
    await work();
  } finally {
    for (const [, load] of loads) await load.stop();
    await pool.end();
    redis.disconnect();
  }
  const shots = loads.flatMap(([, load]) => load.between(0, Number.POSITIVE_INFINITY));
  const complaints = loads.map(([kind, load]) => [kind, load.complaints()] as const);
  return {
    seconds: Math.round((performance.now() - started) / 1_000),
    operations: shots.length,
    failed: shots.filter(({ complaint }) => complaint !== undefined).length,
    complaints: Object.fromEntries(complaints.filter(([, found]) => Object.keys(found).length > 0)),
    slowest: Math.round(Math.max(...shots.map(({ ms }) => ms))),
    loadAverage: Math.round((loadavg()[0] as number) * 10) / 10,
  };
}
