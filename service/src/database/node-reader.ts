import type { QueryResultRow } from "pg";

import { Problem } from "../errors.ts";
import { type Breaker, BreakerOpenError } from "../resilience/circuit-breaker.ts";
import { retry } from "../resilience/retry.ts";
import { nodeFailed } from "./failures.ts";
import { parseLsn } from "./lsn.ts";
import type { BoundedPool } from "./pools.ts";
import type { PrimaryClock } from "./primary-clock.ts";
import type { ReadLane, Statement } from "./read-lane.ts";

/**
 * Columns that every cached read selects: how far a replica has replayed, and when the last commit among it was made,
 * epoch milliseconds. Null on a primary (a promoted one still remembers its last replayed position, hence the question first).
 */
export const REPLAYED = `CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text END AS replayed,
  CASE WHEN pg_is_in_recovery() THEN (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000)::float8 END AS replayed_at`;

/** The smallest read: asks a node whether it answers. */
export const PING: Statement = { name: "ping", text: `SELECT ${REPLAYED}` };

export interface ReplayedRow extends QueryResultRow {
  readonly replayed: string | null;
  /** Null also on a replica that has replayed no commit since its start. */
  readonly replayed_at: number | null;
}

export interface NodeAnswer<R> {
  readonly rows: R[];
  readonly from: "replica" | "primary";
  /** Epoch milliseconds up to which the node is known to have applied everything. */
  readonly readAt: number;
}

export interface NodeReaderArgs {
  readonly replica: { readonly lane: ReadLane; readonly pool: BoundedPool; readonly breaker: Breaker };
  readonly primary: { readonly lane: ReadLane; readonly breaker: Breaker };
  readonly clock: PrimaryClock;
  /** Further tries of a read that a replica failed at once. */
  readonly retries: number;
  /** Content older than this is not taken from a replica while the primary answers. */
  readonly maxAgeMs: number;
  readonly onFailure: (node: "replica" | "primary", error: unknown) => void;
}

/** Reads from the nearest node that is good enough. */
export class NodeReader {
  readonly #args: NodeReaderArgs;
  #answered = false;

  constructor(args: NodeReaderArgs) {
    this.#args = args;
  }

  /** Whether some node has answered since the start. */
  get answered(): boolean {
    return this.#answered;
  }

  /**
   * From a replica if one answers and is close enough behind, else from the primary.
   * @throws Problem `unavailable` when no node answers, `overloaded` when too many wait.
   */
  async read<R extends ReplayedRow>(
    statement: Statement,
    values: readonly unknown[],
    node: "any" | "primary" = "any",
  ): Promise<NodeAnswer<R>> {
    if (node === "primary") return await this.#fromPrimary(statement, values);
    const answer = await this.#fromReplica<R>(statement, values);
    if (answer?.recent) return answer;
    try {
      return await this.#fromPrimary(statement, values);
    } catch (error) {
      // With the primary gone, nothing newer is acknowledged: what the replica has is the best there is, if its age is known.
      if (answer?.readAt !== undefined) return answer;
      throw error;
    }
  }

  /**
   * From a node that has replayed `lsn`: asked and read on one connection in one READ COMMITTED transaction, where the
   * second statement's snapshot is younger than the first one's answer.
   */
  async readAfter<R extends ReplayedRow>(
    lsn: string,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<NodeAnswer<R>> {
    const asked = Date.now();
    const rows = await this.#gated<R>(lsn, statement, values);
    const { readAt } = this.#age(rows?.[0], asked);
    if (!rows || readAt === undefined) return await this.#fromPrimary(statement, values);
    return { rows, from: rows[0]?.replayed ? "replica" : "primary", readAt };
  }

  async #fromReplica<R extends ReplayedRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<(Omit<NodeAnswer<R>, "readAt"> & Age) | undefined> {
    const { replica, retries, maxAgeMs, onFailure } = this.#args;
    const asked = Date.now();
    try {
      // A replica that becomes the primary, or dies, takes its sessions along; the next one leads to another replica, while
      // there may be no primary to go to. Such a failure comes at once: what took long is not tried again. A pool may hold
      // several such sessions, and the breaker hears of the read's end alone.
      const rows = await replica.breaker.run(() =>
        retry(() => replica.lane.query<R>(statement, values), {
          retries,
          when: (error) => !(error instanceof Problem) && nodeFailed(error),
          deadline: asked + maxAgeMs / 2,
        }),
      );
      this.#answered = true;
      // The reader endpoint leads to the primary while no replica is close enough.
      return { rows, from: rows[0]?.replayed ? "replica" : "primary", ...this.#age(rows[0], asked) };
    } catch (error) {
      if (!isOutage(error)) throw error;
      onFailure("replica", error);
      return undefined;
    }
  }

  async #fromPrimary<R extends ReplayedRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<NodeAnswer<R>> {
    const { primary, onFailure } = this.#args;
    const readAt = Date.now();
    try {
      const rows = await primary.breaker.run(() => primary.lane.query<R>(statement, values));
      this.#answered = true;
      return { rows, from: "primary", readAt };
    } catch (error) {
      if (!isOutage(error)) throw error;
      onFailure("primary", error);
      throw new Problem("unavailable", { cause: error });
    }
  }

  async #gated<R extends ReplayedRow>(
    lsn: string,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<R[] | undefined> {
    const { replica, onFailure } = this.#args;
    try {
      return await replica.breaker.run(async () => {
        const client = await replica.pool.connect();
        let broken: Error | undefined;
        try {
          await client.query("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY");
          const gate = await client.query<{ reached: boolean }>(GATE.text, [lsn]);
          const rows = gate.rows[0]?.reached
            ? (await client.query<R>({ ...statement, values: [...values] })).rows
            : undefined;
          await client.query("COMMIT");
          return rows;
        } catch (error) {
          broken = error as Error;
          throw error;
        } finally {
          client.release(broken);
        }
      });
    } catch (error) {
      if (!isOutage(error)) throw error;
      onFailure("replica", error);
      return undefined;
    }
  }

  /** How old a node's content is. @param asked when the node was, epoch milliseconds. */
  #age(row: ReplayedRow | undefined, asked: number): Age {
    const { clock, maxAgeMs } = this.#args;
    const lsn = row?.replayed ? parseLsn(row.replayed) : undefined;
    if (lsn === undefined) return { readAt: asked, recent: true };
    const current = clock.currentAt(lsn);
    // Without a running primary there is nothing to be behind of.
    if (!clock.runs(asked)) return { readAt: current ?? asked, recent: true };
    if (current !== undefined) return { readAt: current, recent: asked - current <= maxAgeMs };
    // Further behind than the clock remembers: the last commit dates it, by the server's clock, which may be ahead.
    const committed = row?.replayed_at;
    if (committed == null) return { readAt: undefined, recent: false };
    return { readAt: Math.min(Math.floor(committed), clock.since ?? asked), recent: false };
  }
}

/**
 * `readAt`: epoch milliseconds up to which the content is known to be current; undefined if nobody can tell. `recent`:
 * whether that is good enough while the primary answers.
 */
type Age =
  | { readonly readAt: number; readonly recent: boolean }
  | { readonly readAt: undefined; readonly recent: false };

const GATE: Statement = {
  name: "gate",
  text: "SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= $1::pg_lsn AS reached",
};

function isOutage(error: unknown): boolean {
  if (error instanceof Problem) return false;
  return error instanceof BreakerOpenError || nodeFailed(error);
}
