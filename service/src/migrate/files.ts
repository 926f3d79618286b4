import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";

/** One file of the migrations folder. */
export interface MigrationFile {
  /** File name without ".sql"; the name in the record of what was applied. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file's bytes, hex. */
  readonly checksum: string;
}

/**
 * Reads the migrations in the order of their numbers.
 *
 * @throws Error when the folder has none, a name is not NNN_name.sql, or a number occurs twice.
 */
export async function readMigrationFiles(directory: string): Promise<MigrationFile[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".sql")).sort();
  if (names.length === 0)
    throw new Error(`no migrations in ${directory}; set MIGRATIONS_DIR to their folder`);
  const numbers = new Set<string>();
  const files: MigrationFile[] = [];
  for (const fileName of names) {
    const number = /^(\d{3})_[a-z0-9_]+\.sql$/.exec(fileName)?.[1];
    if (!number) throw new Error(`migration ${fileName}: a name is three digits, "_", and small letters`);
    if (numbers.has(number)) throw new Error(`migration ${fileName}: number ${number} occurs twice`);
    numbers.add(number);
    const bytes = await readFile(join(directory, fileName));
    files.push({
      name: fileName.slice(0, -".sql".length),
      sql: bytes.toString("utf8"),
      checksum: createHash("sha256").update(bytes).digest("hex"),
    });
  }
  return files;
}

/** Creates the record of checksums, on the first run. */
export async function ensureChecksumTable(client: ClientBase): Promise<void> {
  await client.query(`CREATE TABLE IF NOT EXISTS schema_migration_checksums (
    name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
}

/** The statement that records a file as applied; runs in the file's own transaction. */
export function recordChecksumSql(file: MigrationFile): string {
  // Both values are of characters that need no quoting: readMigrationFiles() saw to it.
  return `INSERT INTO schema_migration_checksums (name, checksum) VALUES ('${file.name}', '${file.checksum}');`;
}

/**
 * Compares what was applied with the folder.
 *
 * @returns the files that are still to be applied.
 * @throws Error when an applied file has changed or is gone.
 */
export async function findPendingFiles(
  client: ClientBase,
  files: readonly MigrationFile[],
): Promise<MigrationFile[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    "SELECT name, checksum FROM schema_migration_checksums ORDER BY name",
  );
  const byName = new Map(files.map((file) => [file.name, file]));
  for (const applied of rows) {
    const file = byName.get(applied.name);
    if (!file) {
      throw new Error(
        `migration ${applied.name} was applied, but its file is gone; deploy a release that has it`,
      );
    }
    if (file.checksum !== applied.checksum) {
      throw new Error(
        `migration ${applied.name} was changed after it was applied (recorded ${applied.checksum.slice(0, 12)}, ` +
          `file ${file.checksum.slice(0, 12)}); restore the file and put the change into a new one`,
      );
    }
  }
  const applied = new Set(rows.map((row) => row.name));
  return files.filter((file) => !applied.has(file.name));
}
