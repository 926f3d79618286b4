import { setTimeout as delay } from "node:timers/promises";
import { Client, DatabaseError } from "pg";
import type { MigrationSettings } from "./settings.ts";

/** Any number does, as long as nothing else in this database uses it: the letters "dujyo" and "mig" on a keypad. */
const LOCK_KEY = "38596644";
const POLL_MS = 250;

/**
 * Connects to the primary, waiting while it can not be reached or is still a standby. A refused login is final.
 *
 * @throws Error after `connectTimeoutSeconds`, with the last reason.
 */
export async function connectToPrimary(settings: MigrationSettings): Promise<Client> {
  const deadline = Date.now() + settings.connectTimeoutSeconds * 1000;
  for (;;) {
    const client = new Client(settings.connection);
    // A connection that breaks while idle would otherwise end the process without a word; the next query reports it.
    client.on("error", () => undefined);
    let reason: string;
    try {
      await client.connect();
      const { rows } = await client.query<{ standby: boolean }>("SELECT pg_is_in_recovery() AS standby");
      if (!rows[0]?.standby) return client;
      reason = "the server is a standby";
    } catch (error) {
      if (error instanceof DatabaseError && !error.code?.startsWith("57P")) throw error;
      reason = (error as Error).message;
    }
    await client.end().catch(() => undefined);
    const { host, port } = settings.connection;
    if (Date.now() >= deadline) {
      throw new Error(
        `no primary at ${host}:${port} within ${settings.connectTimeoutSeconds} s: ${reason}; ` +
          "check the writer endpoint or raise MIGRATION_CONNECT_TIMEOUT_SECONDS",
      );
    }
    await delay(POLL_MS);
  }
}

/**
 * Runs `work` while this session alone holds the migration lock. It asks again and again instead of queueing: a
 * session that sleeps in pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY would wait for it forever.
 *
 * @throws Error when another run holds the lock longer than `timeoutSeconds`.
 */
export async function withMigrationLock<T>(
  client: Client,
  timeoutSeconds: number,
  work: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>(
      `SELECT pg_try_advisory_lock(${LOCK_KEY}) AS taken`,
    );
    if (rows[0]?.taken) break;
    if (Date.now() >= deadline) {
      throw new Error(
        `another run of the migrations has held the lock for more than ${timeoutSeconds} s; ` +
          "let it end, or look for application_name dujyo-migrate in pg_stat_activity",
      );
    }
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    // Fails only with the session itself, and then the lock is gone already.
    await client.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`).catch(() => undefined);
  }
}
