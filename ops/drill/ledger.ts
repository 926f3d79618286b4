import type { Client } from "pg";
import { Failure } from "../../tools/failure.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";
import type { RunningStack } from "../running-stack.ts";
import type { FoundWrite } from "./checker.ts";

/** The drill's own rows live in a schema of their own. */
const SCHEMA = `
  CREATE SCHEMA IF NOT EXISTS drill;
  GRANT USAGE ON SCHEMA drill TO dujyo_app, dujyo_readonly;
  CREATE TABLE IF NOT EXISTS drill.writes (run text NOT NULL, client text NOT NULL, number bigint NOT NULL);
  GRANT SELECT, INSERT ON drill.writes TO dujyo_app;
  GRANT SELECT ON drill.writes TO dujyo_readonly`;

/** Longest wait for the primary to answer a question of the drill's own, milliseconds. */
const ANSWER_MILLISECONDS = 60_000;

/**
 * Does something on the primary, as the schema's owner. Right after a fault the writer endpoint may still close a session:
 * the work, which has to bear being repeated, is begun again until it has come through.
 */
export async function onPrimary<T>(stack: RunningStack, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await stack.connection();
  const deadline = Date.now() + ANSWER_MILLISECONDS;
  for (;;) {
    try {
      return await withSession(sessionOptions(connection, connection.writer, "owner"), work);
    } catch (error) {
      if (error instanceof Failure || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/** Makes the place for a drill's rows. */
export async function prepareWrites(stack: RunningStack): Promise<void> {
  await onPrimary(stack, (client) => client.query(SCHEMA));
}

/** Takes a drill's rows away; bookings stay, as all bookings do. */
export async function removeWrites(stack: RunningStack): Promise<void> {
  await onPrimary(stack, (client) => client.query("DROP SCHEMA IF EXISTS drill CASCADE"));
}

/** Balance on the primary, micro-DYO. */
export async function balanceOf(stack: RunningStack, address: string): Promise<number> {
  return onPrimary(stack, async (client) => {
    const { rows } = await client.query<{ balance: string }>(
      "SELECT balance FROM balances WHERE address = $1",
      [address],
    );
    return Number(rows[0]?.balance ?? 0);
  });
}

/** The drill's writes that the primary has: rows of its table, and bookings of these addresses under its keys. */
export async function foundWrites(
  stack: RunningStack,
  run: string,
  addresses: readonly string[],
): Promise<FoundWrite[]> {
  return onPrimary(stack, async (client) => {
    const written = await client.query<{ client: string; number: string }>(
      "SELECT client, number FROM drill.writes WHERE run = $1",
      [run],
    );
    // Joined with the ledger itself: a key without its transaction would be a loss, two transactions a duplicate.
    const booked = await client.query<{ client: string; number: string }>(
      `SELECT k.from_address AS client, split_part(k.idempotency_key, '/', 2) AS number
       FROM idempotency_keys k JOIN transactions t ON t.from_address = k.from_address AND t.nonce = k.from_nonce
       WHERE k.from_address = ANY($1) AND split_part(k.idempotency_key, '/', 1) = $2
         AND t.created_at > now() - interval '1 day'`,
      [addresses, run],
    );
    return [...written.rows, ...booked.rows].map(({ client, number }) => ({
      client,
      number: Number(number),
    }));
  });
}
