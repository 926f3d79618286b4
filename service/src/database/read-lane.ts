import type { QueryResultRow } from "pg";

import type { BoundedPool } from "./pools.ts";

/** A named statement: parsed once per connection, executed by name afterwards. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** The way single, side-effect-free statements take to a node. */
export interface ReadLane {
  query<R extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<R[]>;
}

/** One statement per pooled connection at a time. */
export class PoolLane implements ReadLane {
  readonly #pool: BoundedPool;
  readonly #timeoutMs: number;

  /** @param timeoutMs for one statement; the connection is given up after it. */
  constructor(pool: BoundedPool, timeoutMs: number) {
    this.#pool = pool;
    this.#timeoutMs = timeoutMs;
  }

  async query<R extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<R[]> {
    this.#pool.admit();
    const config = { ...statement, values: [...values], query_timeout: this.#timeoutMs };
    const { rows } = await this.#pool.pool.query<R>(config);
    return rows;
  }
}
