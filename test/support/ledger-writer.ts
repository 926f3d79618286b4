import { Client } from "pg";
import { inject } from "vitest";
import { sessionOptions, withSession } from "./clients.ts";

/** What a writer saw while a fault went by. */
export interface WriterReport {
  readonly acknowledged: number;
  /** Acknowledged numbers that are not in the table. */
  readonly lost: number[];
  /** Longest time between two acknowledgements, seconds. */
  readonly longestGap: number;
}

/**
 * Writes numbered rows through the pooler without pause and notes each one that was acknowledged. A row whose answer was
 * lost gets a number of its own that is never used again: whether it is in the table says nothing.
 */
export class LedgerWriter {
  readonly #acknowledged: number[] = [];
  readonly #times: number[] = [];
  readonly #run = Date.now();
  #stopping = false;
  #next = 0;
  readonly #done: Promise<void>;

  private constructor() {
    this.#done = this.#write();
  }

  /** Creates the table where it is missing and starts writing; resolves after the first acknowledged row. */
  static async start(): Promise<LedgerWriter> {
    const { writer } = inject("connection");
    await withSession(writer, "owner", (client) =>
      client.query(
        "CREATE TABLE IF NOT EXISTS written (run bigint, number bigint, PRIMARY KEY (run, number))",
      ),
    );
    const self = new LedgerWriter();
    while (self.#acknowledged.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    return self;
  }

  async #write(): Promise<void> {
    const { pooler } = inject("connection");
    while (!this.#stopping) {
      const client = new Client(sessionOptions(pooler, "app", { query_timeout: 40_000 }));
      client.on("error", () => undefined);
      try {
        await client.connect();
        while (!this.#stopping) {
          const number = this.#next++;
          await client.query({
            name: "write",
            text: "INSERT INTO written VALUES ($1, $2)",
            values: [this.#run, number],
          });
          this.#acknowledged.push(number);
          this.#times.push(performance.now());
        }
      } catch {
        // The session broke: a new one, and the next number.
        await new Promise((resolve) => setTimeout(resolve, 50));
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  /** How many rows have been acknowledged so far. */
  get count(): number {
    return this.#acknowledged.length;
  }

  /** Waits for `more` acknowledged rows from now on. */
  async progress(more: number, seconds = 90): Promise<void> {
    const goal = this.count + more;
    const deadline = Date.now() + seconds * 1_000;
    while (this.count < goal) {
      if (Date.now() > deadline)
        throw new Error(`only ${this.count} of ${goal} rows acknowledged within ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Stops writing and compares what was acknowledged with what is there. */
  async stop(): Promise<WriterReport> {
    this.#stopping = true;
    await this.#done;
    const { writer } = inject("connection");
    const present = await withSession(writer, "owner", async (client) => {
      const { rows } = await client.query({
        text: "SELECT number FROM written WHERE run = $1",
        values: [this.#run],
        rowMode: "array",
      });
      return new Set(rows.map((row) => Number((row as unknown[])[0])));
    });
    const gaps = this.#times.slice(1).map((time, index) => time - (this.#times[index] as number));
    return {
      acknowledged: this.#acknowledged.length,
      lost: this.#acknowledged.filter((number) => !present.has(number)),
      longestGap: Math.max(0, ...gaps) / 1_000,
    };
  }
}
