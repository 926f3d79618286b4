import { readFileSync } from "node:fs";
import type { ClientConfig } from "pg";

/** What one run of the migrations needs to know. Times in seconds. */
export interface MigrationSettings {
  /** Direct session to the primary. A transaction pooler would lose the session's lock. */
  readonly connection: ClientConfig;
  /** Folder of the NNN_name.sql files. */
  readonly directory: string;
  /** Hash partitions of `postings`, 1 to 256; takes effect when the table is created, never after. */
  readonly postingsPartitions: number;
  /** How long to wait for another run of the migrations to end. */
  readonly lockTimeoutSeconds: number;
  /** How long to wait for a primary that accepts the connection. */
  readonly connectTimeoutSeconds: number;
}

/**
 * Reads the settings from the environment and from the files it names. All that is wrong is reported at once.
 *
 * Required: PGHOST, PGUSER. Optional: PGPORT (5432), PGDATABASE (dujyo_blockchain), PGPASSWORD_FILE, PGSSLROOTCERT
 * (a CA file; switches TLS on, with the host name verified), MIGRATIONS_DIR (./migrations), POSTINGS_PARTITIONS (8),
 * MIGRATION_LOCK_TIMEOUT_SECONDS (300), MIGRATION_CONNECT_TIMEOUT_SECONDS (60).
 *
 * @throws Error that lists each missing or bad variable with what is allowed.
 */
export function readMigrationSettings(env: NodeJS.ProcessEnv): MigrationSettings {
  const faults: string[] = [];
  const text = (name: string, fallback?: string): string => {
    const value = env[name] || fallback;
    if (value === undefined) faults.push(`${name} is not set`);
    return value ?? "";
  };
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const raw = env[name] || String(fallback);
    const value = Number(raw);
    if (!Number.isInteger(value) || value < min || value > max) {
      faults.push(`${name} is "${raw}", allowed are whole numbers from ${min} to ${max}`);
    }
    return value;
  };
  const file = (name: string): string | undefined => {
    const path = env[name];
    if (!path) return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      faults.push(`${name} names ${path}, which can not be read: ${(error as Error).message}`);
      return undefined;
    }
  };

  const password = file("PGPASSWORD_FILE");
  const ca = file("PGSSLROOTCERT");
  const settings: MigrationSettings = {
    connection: {
      host: text("PGHOST"),
      port: integer("PGPORT", 5432, 1, 65535),
      database: text("PGDATABASE", "dujyo_blockchain"),
      user: text("PGUSER"),
      application_name: "dujyo-migrate",
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      ...(password === undefined ? {} : { password: password.trimEnd() }),
      ...(ca === undefined ? {} : { ssl: { ca, rejectUnauthorized: true } }),
    },
    directory: text("MIGRATIONS_DIR", "./migrations"),
    postingsPartitions: integer("POSTINGS_PARTITIONS", 8, 1, 256),
    lockTimeoutSeconds: integer("MIGRATION_LOCK_TIMEOUT_SECONDS", 300, 1, 86_400),
    connectTimeoutSeconds: integer("MIGRATION_CONNECT_TIMEOUT_SECONDS", 60, 1, 3_600),
  };
  if (faults.length > 0) throw new Error(`migration settings: ${faults.join("; ")}`);
  return settings;
}
