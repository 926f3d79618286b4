import { Pool, type PoolClient, type PoolConfig, types } from "pg";

import type { DatabaseLogin, PoolLimits } from "../config.ts";
import { Problem } from "../errors.ts";
import { passwordInForce } from "./password.ts";

const INT8 = 20;

/** 64-bit integers as numbers: amounts are below 10^15, versions far below. Larger ones (ids) are selected as text. */
export const TYPES = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === INT8 ? Number : types.getTypeParser(oid, format as "text"),
};

export interface PoolArgs {
  readonly login: DatabaseLogin;
  readonly limits: PoolLimits;
  readonly name: string;
  readonly connectTimeoutMs: number;
  readonly queryTimeoutMs: number;
  readonly onError: (error: Error) => void;
}

/** Options that all sessions have in common: TLS with the server's name verified, keepalive, numbers for integers. */
export function sessionOptions({ host, port, database, user, passwords, ca }: DatabaseLogin, name: string) {
  const session = {
    host,
    port,
    database,
    user,
    ssl: { ca, servername: host, minVersion: "TLSv1.3" as const },
    application_name: name,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: TYPES,
  };
  return { ...session, password: () => passwordInForce(session, passwords()) };
}

/** What is said to those for whom a line is too long. */
export function tooManyWait(): Problem {
  return new Problem("overloaded", { detail: "too many requests wait for the database" });
}

/** Share of the newest loan in the mean: that of the last fifty or so counts, as one that waits for a lock says little. */
const NEWEST = 0.02;
/** Times the mean that a loan counts for at most: a stall of all connections at once is over when they come back. */
const LONGEST = 3;

/**
 * A pool whose waiting line is bounded, in requests and in time: a line that takes longer than its users wait only makes
 * everybody late. How long it takes is known from how long connections were lent lately (Little's law).
 */
export class BoundedPool {
  readonly pool: Pool;
  readonly #limits: PoolLimits;
  readonly #lentAt = new WeakMap<PoolClient, number>();
  /** How long a connection is lent, milliseconds: a moving mean; undefined before the first came back. */
  #loanMs: number | undefined;
  #waitingElsewhere = (): number => 0;

  constructor({ login, limits, name, connectTimeoutMs, queryTimeoutMs, onError }: PoolArgs) {
    this.#limits = limits;
    this.pool = new Pool({
      ...sessionOptions(login, name),
      max: limits.size,
      // Covers the wait for a free connection too.
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: queryTimeoutMs,
      // What one borrower asks in a row is sent at once.
      pipeline: true,
      idleTimeoutMillis: 60_000,
      // Sessions spread over the nodes again within minutes after one comes back.
      maxLifetimeSeconds: 600,
    } as PoolConfig);
    this.pool.on("error", onError);
    // A session that breaks while it is lent out fails its borrower's query, and says so a second time here: without
    // anyone listening, that would end the process.
    this.pool.on("connect", (client) => client.on("error", () => undefined));
    this.pool.on("acquire", (client) => this.#lentAt.set(client, performance.now()));
    this.pool.on("release", (_error, client) => {
      const loanMs = performance.now() - (this.#lentAt.get(client) ?? performance.now());
      const meanMs = this.#loanMs ?? loanMs;
      this.#loanMs = meanMs + NEWEST * (Math.min(loanMs, LONGEST * meanMs) - meanMs);
    });
  }

  get size(): number {
    return this.pool.totalCount;
  }

  get idle(): number {
    return this.pool.idleCount;
  }

  get waiting(): number {
    return this.pool.waitingCount + this.#waitingElsewhere();
  }

  /** @param waiting how many wait for connections of this pool in a line of their own. */
  countWaiting(waiting: () => number): void {
    this.#waitingElsewhere = waiting;
  }

  get limit(): number {
    return this.#limits.size;
  }

  /** Requests that may wait for a connection. */
  get queueLimit(): number {
    return this.#limits.queue;
  }

  /**
   * Whether one more would make the line too long, in requests or in time. One for each connection may always wait, so that
   * a database that was slow is found to be quick again.
   */
  get full(): boolean {
    return this.#tooLong(this.pool.waitingCount);
  }

  /**
   * The same before all of them have come to the line: those who arrive at once would find it short, and be refused only after
   * much has been done for them.
   * @param underWay who will ask for a connection, waits for one, or has had it and is not done
   */
  fullFor(underWay: number): boolean {
    return this.#tooLong(Math.max(this.pool.waitingCount, underWay - this.#limits.size));
  }

  #tooLong(ahead: number): boolean {
    const { size, queue, waitMs } = this.#limits;
    return ahead > queue || (ahead >= size && (ahead * (this.#loanMs ?? 0)) / size > waitMs);
  }

  /** @throws Problem `overloaded` at once when the waiting line is full. */
  admit(): void {
    if (this.full) throw tooManyWait();
  }

  async connect(): Promise<PoolClient> {
    this.admit();
    return await this.pool.connect();
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
