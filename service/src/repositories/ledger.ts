import type { PoolClient } from "pg";

import type { Change } from "../cache/coherence.ts";
import { certainlyUndone, nodeFailed, sqlState } from "../database/failures.ts";
import { UNREACHABLE_LSN } from "../database/lsn.ts";
import type { BoundedPool } from "../database/pools.ts";
import { Problem, type ProblemCode } from "../errors.ts";
import type { Breaker } from "../resilience/circuit-breaker.ts";
import { Gathered } from "../resilience/gathered.ts";
import { retry } from "../resilience/retry.ts";

export interface TransferOrder {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  readonly nonce: number;
  readonly key: string;
  /** SHA-256 of what the key stands for. */
  readonly requestHash: Buffer;
  readonly nftId: string | undefined;
}

export interface Booking {
  readonly tx_id: string;
  readonly tx_hash: string;
  readonly created_at: Date;
  readonly block_height: number;
  readonly sealed_height: number;
  readonly replayed: boolean;
  readonly from_balance: number;
  readonly from_version: number;
  readonly from_nonce: number;
  readonly to_balance: number;
  readonly to_version: number;
  /** A position of the primary's log that holds the booking. */
  readonly lsn: string;
}

/** Silent: the service tells its caches itself. */
const TRANSFER = {
  name: "transfer",
  text: `SELECT tx_id::text AS tx_id, encode(tx_hash, 'hex') AS tx_hash, created_at, block_height, sealed_height, replayed,
      from_balance, from_version, from_nonce, to_balance, to_version
    FROM ledger_transfer($1, $2, $3::bigint, $4::bigint, $5, $6, 'transfer', $7, p_silent => true)`,
};

/** Asked after the booking: its commit is written behind whatever the booking's own statement can see. */
const POSITION = { name: "position", text: "SELECT pg_current_wal_flush_lsn()::text AS lsn" };

const REFUSALS: Record<string, ProblemCode | undefined> = {
  DJ001: "insufficient_funds",
  DJ002: "wrong_nonce",
  DJ003: "idempotency_conflict",
  DJ004: "invalid_request",
};

/** Addresses have at most 64 plain characters: so many stay below the 8000 bytes of a notification. */
const PER_NOTICE = 70;

export interface LedgerArgs {
  readonly pool: BoundedPool;
  readonly breaker: Breaker;
  readonly retries: number;
  /** Milliseconds in which repeats may start. */
  readonly patienceMs: number;
}

/** The only way in which the service changes the ledger. */
export class Ledger {
  readonly #args: LedgerArgs;
  readonly #unreplicated = new WeakSet<PoolClient>();
  readonly #announcements = new Gathered<Change>((changes) => this.#announce(changes));

  constructor(args: LedgerArgs) {
    this.#args = args;
    args.pool.pool.on("connect", (client) => {
      // The server gave up waiting for a standby: the commit stands on one node only and may not survive its loss.
      client.on("notice", ({ code }) => code === "01000" && this.#unreplicated.add(client as PoolClient));
    });
  }

  /**
   * Books a transfer, once, however often it is tried.
   * @throws Problem with the ledger's refusal; `unavailable` if nothing was booked; `commit_unknown` if that is open.
   */
  async transfer(order: TransferOrder): Promise<Booking> {
    const { breaker, retries, patienceMs } = this.#args;
    let unknown = false;
    try {
      // The key makes a repeat harmless, whatever became of the try before.
      return await retry(
        () =>
          breaker.run(async () => {
            const client = await this.#args.pool.connect();
            try {
              return await this.#book(client, order);
            } catch (error) {
              unknown ||= !certainlyUndone(error) && !(error instanceof Problem);
              throw error;
            }
          }),
        {
          retries,
          when: (error) => !(error instanceof Problem) && nodeFailed(error),
          deadline: Date.now() + patienceMs,
        },
      );
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal) throw refusal;
      if (unknown) throw new Problem("commit_unknown", { cause: error });
      if (error instanceof Problem) throw error;
      throw new Problem("unavailable", { cause: error });
    }
  }

  /** Current versions of accounts, from the primary. */
  async versions(addresses: readonly string[]): Promise<Change[]> {
    const { rows } = await this.#args.pool.pool.query<{ address: string; version: number }>({
      name: "versions",
      text: "SELECT address, version FROM balances WHERE address = ANY ($1)",
      values: [addresses],
    });
    return rows.map(({ address, version }) => [address, version]);
  }

  /**
   * Makes every instance hear of changed accounts by way of the database, as the tables' triggers do. One at a time:
   * PostgreSQL lets only one transaction with notices commit at once, and each would hold a connection meanwhile.
   */
  announce(changes: readonly Change[]): Promise<void> {
    return this.#announcements.add(changes);
  }

  async #announce(changes: readonly Change[]): Promise<void> {
    const payloads = Array.from({ length: Math.ceil(changes.length / PER_NOTICE) }, (_, at) =>
      JSON.stringify({ t: "balances", k: changes.slice(at * PER_NOTICE, (at + 1) * PER_NOTICE) }),
    );
    await this.#args.pool.pool.query({
      name: "announce",
      text: "SELECT pg_notify('dujyo_invalidate', payload) FROM unnest($1::text[]) payload",
      values: [payloads],
    });
  }

  async #book(client: PoolClient, order: TransferOrder): Promise<Booking> {
    const { from, to, amount, nonce, key, requestHash, nftId } = order;
    const values = [from, to, amount, nonce, key, requestHash, nftId ?? null];
    let broken: Error | undefined;
    const booked = client.query<Omit<Booking, "lsn">>({ ...TRANSFER, values });
    // Sent along with the booking, and done after its commit. It is booked whatever comes of this.
    const position = client.query<{ lsn: string }>(POSITION).then(
      ({ rows }) => rows[0]?.lsn,
      (error: Error) => {
        broken = error;
      },
    );
    try {
      const { rows } = await booked;
      if (this.#unreplicated.has(client)) throw new Error("the commit was not confirmed by a standby");
      if (!rows[0]) throw new Error("ledger_transfer gave no row");
      return { ...rows[0], lsn: (await position) ?? UNREACHABLE_LSN };
    } catch (error) {
      if (nodeFailed(error)) broken = error as Error;
      throw error;
    } finally {
      await position;
      client.release(broken);
    }
  }
}

function toRefusal(error: unknown): Problem | undefined {
  const code = REFUSALS[sqlState(error) ?? ""];
  if (code === undefined) return undefined;
  const facts = JSON.parse((error as { detail?: string }).detail || "{}") as Record<string, unknown>;
  if (code !== "invalid_request") return new Problem(code, { facts });
  const field = String(facts.field ?? "body");
  return new Problem(code, { issues: [{ field, message: "is not acceptable to the ledger" }], cause: error });
}
