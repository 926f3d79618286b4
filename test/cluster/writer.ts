import { Client } from "pg";
import type { Connection } from "../../ops/connection.ts";
import { NAMESPACE } from "./cluster-stack.ts";
import { addressOf } from "./objects.ts";

/** PostgreSQL's code for a password that it does not take. */
const REFUSED_PASSWORD = "28P01";

export interface WriterReport {
  readonly acknowledged: number;
  /** Acknowledged numbers that are not in the table. */
  readonly lost: number[];
  /** Longest time between two acknowledgements, seconds. */
  readonly longestGap: number;
}

/** Uses one session of the owner's with the primary of a namespace, through the writer endpoint, and ends it. */
export async function withOwner<T>(
  { writer, database, postgresPasswords, postgresCa }: Connection,
  use: (client: Client) => Promise<T>,
  namespace = NAMESPACE,
): Promise<T> {
  const client = new Client({
    host: await addressOf("haproxy", namespace),
    port: writer.port,
    database,
    user: "dujyo_user",
    password: postgresPasswords.owner,
    ssl: { ca: postgresCa, servername: "haproxy" },
    connectionTimeoutMillis: 3_000,
    query_timeout: 10_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

export interface WriterOptions {
  /** Of the stack that it writes to. @default the first one's */
  readonly namespace?: string;
  /** Where it learns of another password when its own opens no session. @default it knows no other */
  readonly learn?: () => Promise<Connection>;
}

/** A client of the writer endpoint that inserts numbers one by one, and knows which were acknowledged. */
export class Writer {
  #connection: Connection;
  #namespace: string;
  readonly #learn: WriterOptions["learn"];
  readonly #acknowledged: number[] = [];
  readonly #times: number[] = [];
  #stopping = false;
  #done: Promise<void> = Promise.resolve();

  private constructor(connection: Connection, { namespace = NAMESPACE, learn }: WriterOptions) {
    this.#connection = connection;
    this.#namespace = namespace;
    this.#learn = learn;
  }

  /** Starts with an empty table; resolves after the first acknowledged row. */
  static async start(connection: Connection, options: WriterOptions = {}): Promise<Writer> {
    const self = new Writer(connection, options);
    await self.#session(async (client) => {
      await client.query("DROP TABLE IF EXISTS drill_written");
      await client.query("CREATE TABLE drill_written (number bigint PRIMARY KEY)");
    });
    self.#done = self.#write();
    while (self.#acknowledged.length === 0) await pause(20);
    return self;
  }

  get count(): number {
    return this.#acknowledged.length;
  }

  /** From its next session on it writes to another stack, as a client whose configuration has changed. */
  moveTo(connection: Connection, namespace: string): void {
    this.#connection = connection;
    this.#namespace = namespace;
  }

  /** Waits for `more` acknowledged rows from now on. */
  async progress(more: number, seconds = 120): Promise<void> {
    const goal = this.count + more;
    const deadline = Date.now() + seconds * 1_000;
    while (this.count < goal) {
      if (Date.now() > deadline) throw new Error(`${this.count} of ${goal} rows after ${seconds} s`);
      await pause(50);
    }
  }

  async stop(): Promise<WriterReport> {
    this.#stopping = true;
    await this.#done;
    // A session outlives the password that it was opened with.
    if (this.#learn) this.#connection = await this.#learn();
    const rows = await this.#session(
      async (client) => (await client.query<{ number: string }>("SELECT number FROM drill_written")).rows,
    );
    const present = new Set(rows.map(({ number }) => Number(number)));
    const gaps = this.#times.slice(1).map((time, index) => time - (this.#times[index] as number));
    return {
      acknowledged: this.count,
      lost: this.#acknowledged.filter((number) => !present.has(number)),
      longestGap: Math.max(0, ...gaps) / 1_000,
    };
  }

  async #write(): Promise<void> {
    let number = 0;
    while (!this.#stopping)
      await this.#session(async (client) => {
        while (!this.#stopping) {
          // One that was not acknowledged is never tried again: whether it is there says nothing.
          number += 1;
          await client.query("INSERT INTO drill_written VALUES ($1)", [number]);
          this.#acknowledged.push(number);
          this.#times.push(performance.now());
        }
      }).catch(({ code }: { readonly code?: string }) => this.#recover(code));
  }

  async #recover(code: string | undefined): Promise<void> {
    if (code === REFUSED_PASSWORD && this.#learn) this.#connection = await this.#learn();
    else await pause(50);
  }

  #session<T>(use: (client: Client) => Promise<T>): Promise<T> {
    return withOwner(this.#connection, use, this.#namespace);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
