import { Client, type QueryResultRow } from "pg";

import type { DatabaseLogin } from "../config.ts";
import { Problem } from "../errors.ts";
import { sessionOptions } from "./pools.ts";
import type { ReadLane, Statement } from "./read-lane.ts";

export interface PipelinedLaneArgs {
  readonly login: DatabaseLogin;
  readonly name: string;
  readonly connectTimeoutMs: number;
  readonly queryTimeoutMs: number;
  /** Connections. */
  readonly size: number;
  /** Statements that may wait for one. */
  readonly queue: number;
}

interface Waiting {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  readonly resolve: (rows: QueryResultRow[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Statements on one connection before its pipe runs empty: it is then free for another node, or for a pause. */
const BATCH = 32;
/** Statements that wait for each connection at work before another one is taken: few full batches cost less than many small ones. */
const WAITING_PER_CONNECTION = 8;
/** Milliseconds that a statement waits behind a slow one before another connection is taken all the same. */
const PATIENCE_MS = 5;

/**
 * Statements in batches: all of a batch are sent before the first is answered. Between two batches a pipe is empty, so
 * that a pooler can move or hold the connection there. One statement's error does not touch the others of its batch.
 */
export class PipelinedLane implements ReadLane {
  readonly #args: PipelinedLaneArgs;
  readonly #waiting: Waiting[] = [];
  readonly #clients = new Set<Client>();
  #working = 0;
  #watching = false;
  #closed = false;

  constructor(args: PipelinedLaneArgs) {
    this.#args = args;
  }

  query<R extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<R[]> {
    if (this.#closed) return Promise.reject(new Error("the read lane is closed"));
    if (this.#waiting.length >= this.#args.queue) {
      return Promise.reject(new Problem("overloaded", { detail: "too many requests wait for the database" }));
    }
    return new Promise<R[]>((resolve, reject) => {
      this.#waiting.push({ statement, values, resolve: resolve as Waiting["resolve"], reject });
      if (this.#waiting.length > this.#working * WAITING_PER_CONNECTION) this.#start();
      else this.#watch();
    });
  }

  #start(): void {
    if (this.#working >= this.#args.size) return;
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

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#clients].map((client) => client.end().catch(() => undefined)));
  }

  async #work(): Promise<void> {
    let client: Client | undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        client ??= this.#idle.pop() ?? (await this.#connect());
        const current = client;
        const failed = await Promise.all(batch.map((waiting) => this.#send(current, waiting)));
        if (failed.includes(true)) {
          this.#drop(current);
          client = undefined;
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    if (client) this.#idle.push(client);
    this.#working--;
  }

  readonly #idle: Client[] = [];

  async #send(client: Client, { statement, values, resolve, reject }: Waiting): Promise<boolean> {
    try {
      const { rows } = await client.query<QueryResultRow>({ ...statement, values: [...values] });
      resolve(rows);
      return false;
    } catch (error) {
      reject(error);
      // Without a code of the server's, it is the connection that failed.
      return (error as { code?: string }).code === undefined;
    }
  }

  async #connect(): Promise<Client> {
    const { login, name, connectTimeoutMs, queryTimeoutMs } = this.#args;
    const client = new Client({
      ...sessionOptions(login, name),
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: queryTimeoutMs,
      pipeline: true,
    } as ConstructorParameters<typeof Client>[0]);
    client.on("error", () => this.#drop(client));
    client.on("end", () => this.#drop(client));
    await client.connect();
    this.#clients.add(client);
    return client;
  }

  #drop(client: Client): void {
    const at = this.#idle.indexOf(client);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#clients.delete(client)) client.end().catch(() => undefined);
  }
}
