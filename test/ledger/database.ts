import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Client, type ClientConfig } from "pg";
import { inject } from "vitest";
import { migrate } from "../../service/src/migrate/runner.ts";
import type { MigrationSettings } from "../../service/src/migrate/settings.ts";

/** Where the tests' PostgreSQL listens; its superuser makes databases and plays provisioning. */
const SERVER: ClientConfig = { host: "127.0.0.1", port: inject("scratchPort") };

export const MIGRATIONS = resolve(import.meta.dirname, "../../migrations");

/** What provisioning runs in the database before the first migration. */
const PROVISIONING = ["database.sql", "monitoring.sql"].map((file) =>
  resolve(import.meta.dirname, "../../config/postgres", file),
);

export type Role = "postgres" | "dujyo_user" | "dujyo_app" | "dujyo_readonly";

/** A database of its own for one test file. */
export interface TestDatabase {
  readonly name: string;
  config(role: Role): ClientConfig;
  /** A new session; closed with the database. */
  connect(role: Role): Promise<Client>;
  settings(change?: Partial<MigrationSettings>): MigrationSettings;
  drop(): Promise<void>;
}

/** What provisioning hands over to the migrations: an owner, roles, default privileges, extensions; no table. */
export async function emptyDatabase(): Promise<TestDatabase> {
  const name = `ledger_test_${randomBytes(6).toString("hex")}`;
  const sessions: Client[] = [];
  const config = (role: Role): ClientConfig => ({
    ...SERVER,
    user: role,
    database: name,
    application_name: "ledger-test",
  });
  const open = async (settings: ClientConfig): Promise<Client> => {
    const client = new Client(settings);
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };

  await provision((user, database) => open({ ...SERVER, user, database }), name);

  return {
    name,
    config,
    async connect(role) {
      const client = await open(config(role));
      sessions.push(client);
      return client;
    },
    settings: (change = {}) => ({
      connection: config("dujyo_user"),
      directory: MIGRATIONS,
      postingsPartitions: 4,
      lockTimeoutSeconds: 30,
      connectTimeoutSeconds: 10,
      ...change,
    }),
    async drop() {
      await Promise.all(sessions.map((client) => client.end().catch(() => undefined)));
      const client = await open({ ...SERVER, user: "postgres", database: "postgres" });
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await client.end();
    },
  };
}

/**
 * Makes roles and a database as provisioning does.
 *
 * @param session opens one with the server
 */
export async function provision(
  session: (user: string, database: string) => Promise<Client>,
  name: string,
): Promise<void> {
  const admin = await session("postgres", "postgres");
  await admin.query(ROLES);
  await admin.query(`CREATE DATABASE ${name} OWNER dujyo_user`);
  await admin.end();
  const owner = await session("postgres", name);
  for (const file of PROVISIONING) await owner.query(await readFile(file, "utf8"));
  await owner.end();
}

/** A database with all migrations applied. */
export async function testDatabase(): Promise<TestDatabase> {
  const database = await emptyDatabase();
  await migrate(await database.connect("dujyo_user"), database.settings(), () => undefined);
  return database;
}

/** The part of config/postgres/roles.sql that matters here; that file is written for psql. */
const ROLES = `DO $$ DECLARE name text; BEGIN
  PERFORM pg_advisory_xact_lock(1);
  FOREACH name IN ARRAY ARRAY['dujyo_user', 'dujyo_app', 'dujyo_readonly', 'monitoring', 'pgbouncer'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dujyo_audited') THEN CREATE ROLE dujyo_audited NOLOGIN; END IF;
  GRANT pg_read_all_stats TO dujyo_user;
  ALTER ROLE dujyo_user SET lock_timeout = '10s';
  ALTER ROLE dujyo_app SET statement_timeout = '10s';
END $$`;
