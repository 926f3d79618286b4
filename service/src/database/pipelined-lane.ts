import type { PoolClient, QueryResultRow } from "pg";

import { type BoundedPool, tooManyWait } from "./pools.ts";
import type { ReadLane, Statement } from "./read-lane.ts";

interface Waiting {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  readonly resolve: (rows: QueryResultRow[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Statements on one connection before its pipe runs empty: it is then free for another borrower, another node, or a pause. */
const BATCH = 32;
/** Statements that wait for each connection at work before another one is taken: few full batches cost less than many small ones. */
const WAITING_PER_CONNECTION = 8;
/** Milliseconds that a statement waits behind a slow one before another connection is taken all the same. */
const PATIENCE_MS = 5;

/**
 * Statements in batches: all of a batch are sent on one connection before the first is answered. Between two batches a pipe is
 * empty, so that a pooler can move or hold the connection there. One statement's error does not touch the others of its batch.
 */
export class PipelinedLane implements ReadLane {
  readonly #pool: BoundedPool;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  #working = 0;
  #watching = false;

  /**
   * @param pool of which connections are borrowed; those who wait here count as waiting there.
   * @param timeoutMs for one statement, from when it is sent; the connection is given up after it.
   */
  constructor(pool: BoundedPool, timeoutMs: number) {
    this.#pool = pool;
    this.#timeoutMs = timeoutMs;
    pool.countWaiting(() => this.#waiting.length);
  }

  query<R extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<R[]> {
    if (this.#waiting.length >= this.#pool.queueLimit) return Promise.reject(tooManyWait());
    return new Promise<R[]>((resolve, reject) => {
      this.#waiting.push({ statement, values, resolve: resolve as Waiting["resolve"], reject });
      if (this.#waiting.length > this.#working * WAITING_PER_CONNECTION) this.#start();
      else this.#watch();
    });
  }

  #start(): void {
    if (this.#working >= this.#pool.limit) return;
    this.#working++;
    // What is asked for in the same turn of the event loop joins the batch.
    setImmediate(() => void this.#work());
  }

  /** Takes another connection when the statement that waits longest still does after a while. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    const [first] = this.#waiting;
    setTimeout(() => {
      this.#watching = false;
      if (this.#waiting.length === 0) return;
      if (this.#waiting[0] === first) this.#start();
      this.#watch();
    }, PATIENCE_MS);
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      try {
        const client = await this.#pool.pool.connect();
        const batch = this.#waiting.splice(0, BATCH);
        const failures = await Promise.all(batch.map((waiting) => this.#send(client, waiting)));
        // Where one failed, a pooler may not agree about what the others were answered: nobody else gets this connection.
        client.release(failures.find((failure) => failure !== undefined));
      } catch (error) {
        // The others would ask the same pooler, and wait as long once more.
        for (const { reject } of this.#waiting.splice(0)) reject(error);
      }
    }
    this.#working--;
  }

  async #send(
    client: PoolClient,
    { statement, values, resolve, reject }: Waiting,
  ): Promise<Error | undefined> {
    try {
      const query = { ...statement, values: [...values], query_timeout: this.#timeoutMs };
      const { rows } = await client.query<QueryResultRow>(query);
      resolve(rows);
      return undefined;
    } catch (error) {
      reject(error);
      return error as Error;
    }
  }
}
