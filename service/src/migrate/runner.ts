import { resolve } from "node:path";
import { type RunnerOption, runner } from "node-pg-migrate";
import { type Client, DatabaseError } from "pg";
import { buildMissingIndexes } from "./concurrent-indexes.ts";
import {
  ensureChecksumTable,
  findPendingFiles,
  type MigrationFile,
  readMigrationFiles,
  recordChecksumSql,
} from "./files.ts";
import { findIndexStatements } from "./index-statements.ts";
import { withMigrationLock } from "./session.ts";
import type { MigrationSettings } from "./settings.ts";

/** Receives one event with its facts; never a secret. */
export type MigrationLog = (event: string, facts: Record<string, unknown>) => void;

/** How long a statement of a migration may queue for a table lock: those behind it queue as well. */
const TABLE_LOCK_TIMEOUT = "10s";

/**
 * Applies the files that were not applied yet, in order, each in a transaction of its own together with its record.
 *
 * Before anything is applied, the files that were are compared with their recorded checksums. Before each file, the
 * indexes it wants on tables that hold rows are built concurrently. After a failure the failing file has left no
 * trace and the ones before it stay applied.
 *
 * @param client a direct session to the primary, as the owner of the schema
 * @returns names of the files applied now
 * @throws Error naming the file, its line, and the database's message
 */
export async function migrate(
  client: Client,
  settings: MigrationSettings,
  log: MigrationLog,
): Promise<string[]> {
  const files = await readMigrationFiles(settings.directory);
  return withMigrationLock(client, settings.lockTimeoutSeconds, async () => {
    await ensureChecksumTable(client);
    const pending = await findPendingFiles(client, files);
    const applied = files.filter((file) => !pending.includes(file));
    await repairIndexes(client, applied, log);
    await client.query("SELECT set_config('dujyo.postings_partitions', $1, false)", [
      String(settings.postingsPartitions),
    ]);
    for (const file of pending) {
      await repairIndexes(client, [file], log);
      const started = performance.now();
      await applyNext(client, settings, file, files);
      log("applied", { migration: file.name, milliseconds: Math.round(performance.now() - started) });
    }
    if (pending.length === 0) log("up-to-date", { migrations: files.length });
    return pending.map((file) => file.name);
  });
}

async function repairIndexes(
  client: Client,
  files: readonly MigrationFile[],
  log: MigrationLog,
): Promise<void> {
  const work = await buildMissingIndexes(
    client,
    files.flatMap((file) => findIndexStatements(file.sql)),
  );
  for (const { index, action } of work) log("index", { index, action });
}

/** Hands one file to the library: it checks the order against its own record, opens the transaction and records. */
async function applyNext(
  client: Client,
  settings: MigrationSettings,
  file: MigrationFile,
  files: readonly MigrationFile[],
): Promise<void> {
  const byName = new Map(files.map((each) => [`${each.name}.sql`, each]));
  const silent = () => undefined;
  const options: RunnerOption = {
    dbClient: client,
    dir: resolve(settings.directory),
    // All that is not SQL, such as the folder's README.
    ignorePattern: "(?!.*\\.sql$).*",
    direction: "up",
    file: file.name,
    migrationsTable: "schema_migrations",
    schema: "public",
    singleTransaction: false,
    checkOrder: true,
    // The lock is held already, for the concurrent index builds as well.
    noLock: true,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    migrationLoaderStrategies: [
      {
        extensions: [".sql"],
        // The library's own loader splits files at certain comments; here a file is one piece, with its checksum.
        loader: async (paths) =>
          paths.map((path) => {
            const source = byName.get(path.slice(path.lastIndexOf("/") + 1));
            if (!source)
              throw new Error(`migration ${path} appeared while migrations were running; run again`);
            return {
              id: path,
              filePaths: [path],
              actions: {
                up: (builder) => {
                  builder.sql(`SET LOCAL lock_timeout = '${TABLE_LOCK_TIMEOUT}';`);
                  builder.sql(source.sql);
                  builder.sql(recordChecksumSql(source));
                },
                down: false,
              },
            };
          }),
      },
    ],
  };
  try {
    await runner(options);
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw new Error(
      `migration ${file.name} failed${describe(error, file)}; the schema is as it was before this file`,
      {
        cause: error,
      },
    );
  }
}

function describe(error: unknown, file: MigrationFile): string {
  const position = error instanceof DatabaseError ? Number(error.position) : Number.NaN;
  const line = Number.isFinite(position) ? ` at line ${file.sql.slice(0, position).split("\n").length}` : "";
  return `${line}: ${(error as Error).message}`;
}
