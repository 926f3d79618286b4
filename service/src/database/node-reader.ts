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
 * Column that every cached read selects: how far a replica has replayed, null on a primary (a promoted one still
 * remembers its last replayed position, hence the question first).
 */
export const REPLAYED = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text END AS replayed";

export interface ReplayedRow extends QueryResultRow {
  readonly replayed: string | null;
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
  /** Content older than this is not taken from a replica while the primary answers. */
  readonly maxAgeMs: number;
  readonly onFailure: (node: "replica" | "primary", error: unknown) => void;
}

/** Reads from the nearest node that is good enough. */
export class NodeReader {
  readonly #args: NodeReaderArgs;

  constructor(args: NodeReaderArgs) {
    this.#args = args;
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
      // With the primary gone, nothing newer is acknowledged: what the replica has is the best there is.
      if (answer) return answer;
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
    const rows = await this.#gated<R>(lsn, statement, values);
    if (!rows) return await this.#fromPrimary(statement, values);
    return { rows, from: rows[0]?.replayed ? "replica" : "primary", readAt: this.#readAt(rows[0]?.replayed) };
  }

  async #fromReplica<R extends ReplayedRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<(NodeAnswer<R> & { recent: boolean }) | undefined> {
    const { replica, clock, maxAgeMs, onFailure } = this.#args;
    const asked = Date.now();
    try {
      // A replica that becomes the primary, or dies, takes its sessions along; the next one leads to another replica, while
      // there may be no primary to go to. Such a failure comes at once: what took long is not tried again.
      const rows = await retry(() => replica.breaker.run(() => replica.lane.query<R>(statement, values)), {
        retries: REPEATS,
        when: nodeFailedAtOnce,
        deadline: asked + maxAgeMs / 2,
      });
      const replayed = rows[0]?.replayed ?? null;
      // The reader endpoint leads to the primary while no replica is close enough.
      if (replayed === null) return { rows, from: "primary", readAt: asked, recent: true };
      const readAt = this.#readAt(replayed);
      return { rows, from: "replica", readAt, recent: !clock.runs(asked) || asked - readAt <= maxAgeMs };
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

  #readAt(replayed: string | null | undefined): number {
    const now = Date.now();
    const lsn = replayed ? parseLsn(replayed) : undefined;
    if (lsn === undefined) return now;
    const { clock } = this.#args;
    // Without a running primary there is nothing to be behind of.
    return clock.currentAt(lsn) ?? (clock.runs(now) ? 0 : now);
  }
}

/** Sessions of a pool that one fault may have broken, as one read may meet them. */
const REPEATS = 2;

function nodeFailedAtOnce(error: unknown): boolean {
  return !(error instanceof Problem) && !(error instanceof BreakerOpenError) && nodeFailed(error);
}

const GATE: Statement = {
  name: "gate",
  text: "SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= $1::pg_lsn AS reached",
};

function isOutage(error: unknown): boolean {
  if (error instanceof Problem) return false;
  return error instanceof BreakerOpenError || nodeFailed(error);
}
