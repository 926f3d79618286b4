import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { READER_DATABASE, WRITER_DATABASE } from "../postgres/pooler.ts";
import { sessionOptions } from "../postgres/session.ts";
import { ANSWER_MILLISECONDS, type ClientTask, describeError } from "./client-task.ts";
import { now } from "./history.ts";

/** Pauses between two operations of one client, milliseconds: bounded load, fine enough for outages of a tenth of a second. */
const WRITE_PAUSE = 20;
const READ_PAUSE = 25;
/** Pause after a session broke. */
const BROKEN_PAUSE = 50;
/** Longest wait for the far side of a session to take note of its end. */
const END_MILLISECONDS = 500;

/** Codes with which PostgreSQL says that a statement did nothing, or that it was never begun. */
const REFUSED = new Set(["25006", "57P03", "53300"]);

const WRITE = `INSERT INTO drill.writes VALUES ($1, $2, $3)
  RETURNING left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) || ' ' || host(inet_server_addr()) AS reign`;

interface SessionWork {
  readonly database: string;
  readonly login: "app" | "readonly";
  /** One operation. */
  readonly operate: (session: Client) => Promise<void>;
  /** @param sent whether an operation had begun */
  readonly onFailure: (what: string, sent: boolean, from: number) => Promise<void>;
}

/** Writes rows through the pooler, each with a number of its own. */
export async function sqlWriter(task: ClientTask, client: string): Promise<void> {
  let number = 0;
  await keepSession(task, {
    database: WRITER_DATABASE,
    login: "app",
    operate: async (session) => {
      number += 1;
      const from = now();
      const values = [task.run, client, number];
      const { rows } = await session.query<{ reign: string }>({ name: "drill-write", text: WRITE, values });
      await task.note({
        ...{ kind: "write", path: "sql", client, number, outcome: "acknowledged", from, to: now() },
        reign: rows[0]?.reign,
      });
      await pause(WRITE_PAUSE);
    },
    onFailure: async (error, sent, from) => {
      const refused = !sent || REFUSED.has(error) || error.includes("query_wait_timeout");
      // One that was never sent gets a number, too: the client saw an error.
      if (!sent) number += 1;
      const outcome = refused ? "refused" : "unknown";
      await task.note({
        ...{ kind: "write", path: "sql", client, number, outcome, from, to: now(), error },
      });
    },
  });
}

/** Reads through the pooler from whichever replica it is given. */
export async function sqlReader(task: ClientTask, client: string): Promise<void> {
  const note = (from: number, outcome: "answered" | "failed", error?: string) =>
    task.note({ kind: "read", path: "sql", client, outcome, from, to: now(), error });
  await keepSession(task, {
    database: READER_DATABASE,
    login: "readonly",
    operate: async (session) => {
      const from = now();
      await session.query({
        name: "drill-read",
        text: "SELECT balance FROM balances WHERE address = $1",
        values: [task.accounts.booked[0]?.address],
      });
      await note(from, "answered");
      await pause(READ_PAUSE);
    },
    onFailure: (error, _, from) => note(from, "failed", error),
  });
}

/** Does one operation after the other in a session, and opens a new one when it breaks. */
async function keepSession(task: ClientTask, work: SessionWork): Promise<void> {
  const connection = await task.stack.connection();
  const options = sessionOptions(connection, connection.pooler, work.login, {
    database: work.database,
    query_timeout: ANSWER_MILLISECONDS,
  });
  while (!task.stop.aborted) {
    const session = new Client(options);
    session.on("error", () => undefined);
    let sent = false;
    let from = now();
    try {
      await session.connect();
      sent = true;
      while (!task.stop.aborted) {
        from = now();
        await work.operate(session);
      }
    } catch (error) {
      await work.onFailure(describeError(error), sent, from);
      await pause(BROKEN_PAUSE);
    } finally {
      await Promise.race([session.end().catch(() => undefined), pause(END_MILLISECONDS)]);
    }
  }
}
