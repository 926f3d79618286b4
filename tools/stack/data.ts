import { join } from "node:path";
import { Client } from "pg";
import type { Settings } from "../../infra/settings/schema.ts";
import { type Connection, LOGINS } from "../../ops/connection.ts";
import { readConnection, writeConnectionFiles } from "../../ops/connection-store.ts";
import { Failure } from "../failure.ts";
import { ROOT } from "../layout.ts";
import { describeFailure, run } from "../process.ts";
import type { Progress, Step } from "../setup/progress.ts";
import type { Pulumi } from "./pulumi.ts";

type Size = Exclude<Settings["ledger"]["data"], "none">;

/** A primary that has not answered in this time is away; the routing needs less than a second to know. */
const CONNECT_MILLISECONDS = 10_000;

/** Fills an empty ledger with invented data of the size that the settings name; a ledger that has any stays as it is. */
export async function loadDataOnce(
  progress: Progress,
  pulumi: Pulumi,
  size: Settings["ledger"]["data"],
): Promise<void> {
  if (size === "none") return;
  await progress.step(`data (${size})`, async (step) => {
    const connection = await readConnection(pulumi.stack, pulumi.environment);
    if (await hasTransactions(connection)) return step.origin("cached");
    await loadData(step, pulumi.stack, connection, size);
  });
}

/**
 * Runs the generator against the stack's writer.
 *
 * @throws Failure with its last lines where it refuses or fails
 */
export async function loadData(step: Step, stack: string, connection: Connection, size: Size): Promise<void> {
  const folder = writeConnectionFiles(stack, connection);
  const result = await run(
    process.execPath,
    [join(ROOT, "tools/data/load.ts"), "--stack", stack, "--size", size],
    {
      env: {
        PGHOST: "127.0.0.1",
        PGPORT: String(connection.writer.port),
        PGDATABASE: connection.database,
        PGUSER: LOGINS.owner,
        PGPASSWORD_FILE: join(folder, "owner-password"),
        PGSSLROOTCERT: join(folder, "postgres-ca.crt"),
      },
      onLine: step.line,
    },
  );
  if (result.code !== 0) throw new Failure(describeFailure(`loading "${size}"`, result));
  for (const line of result.stdout.trim().split("\n")) step.note(line);
}

/**
 * Whether the ledger has any transaction.
 *
 * @throws Failure where the writer does not answer, as in the middle of a failover, or has no ledger
 */
export async function hasTransactions(connection: Connection): Promise<boolean> {
  const client = new Client({
    host: "127.0.0.1",
    port: connection.writer.port,
    database: connection.database,
    user: LOGINS.owner,
    password: connection.postgresPasswords.owner,
    ssl: { ca: connection.postgresCa },
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    query_timeout: CONNECT_MILLISECONDS,
  });
  // The end of a session that a failover closes is told by the query that fails.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ filled: boolean }>(
      "SELECT EXISTS (SELECT FROM transactions) AS filled",
    );
    return rows[0]?.filled === true;
  } catch (error) {
    throw new Failure(
      `The ledger could not be asked whether it has data: the writer on 127.0.0.1:${connection.writer.port} answered ` +
        `"${error instanceof Error ? error.message : error}". Another member may be becoming the primary: see "npm run status", ` +
        'and repeat "npm run up" when one leads; what is done already is kept.',
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}
