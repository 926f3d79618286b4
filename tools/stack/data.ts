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

async function hasTransactions(connection: Connection): Promise<boolean> {
  const client = new Client({
    host: "127.0.0.1",
    port: connection.writer.port,
    database: connection.database,
    user: LOGINS.owner,
    password: connection.postgresPasswords.owner,
    ssl: { ca: connection.postgresCa },
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ filled: boolean }>(
      "SELECT EXISTS (SELECT FROM transactions) AS filled",
    );
    return rows[0]?.filled === true;
  } finally {
    await client.end();
  }
}
