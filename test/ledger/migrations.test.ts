import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migrate } from "../../service/src/migrate/runner.ts";
import { emptyDatabase, MIGRATIONS, type TestDatabase } from "./database.ts";

const silent = () => undefined;

describe("migrations", { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let owner: Client;
  let folder: string;

  beforeAll(async () => {
    database = await emptyDatabase();
    owner = await database.connect("dujyo_user");
    folder = await mkdtemp(join(tmpdir(), "migrations-"));
    for (const name of await readdir(MIGRATIONS)) {
      if (name.endsWith(".sql")) await copyFile(join(MIGRATIONS, name), join(folder, name));
    }
  }, 120_000);
  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const run = () => migrate(owner, database.settings({ directory: folder }), silent);

  test("two runs at once apply each file once", async () => {
    const other = await database.connect("dujyo_user");
    const [first, second] = await Promise.all([
      run(),
      migrate(other, database.settings({ directory: folder }), silent),
    ]);
    expect([...first, ...second].sort()).toEqual([...new Set([...first, ...second])].sort());
    expect(first.length + second.length).toBe((await readdir(folder)).length);
  });

  test("a second run changes nothing", async () => {
    const before = await schemaOf(owner);
    expect(await run()).toEqual([]);
    expect(await schemaOf(owner)).toEqual(before);
  });

  test("postings have the configured number of partitions, three months are made ahead", async () => {
    const { rows } = await owner.query<{ postings: number; months: number }>(
      `SELECT (SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'postings'::regclass) AS postings,
              (SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'transactions'::regclass) AS months`,
    );
    expect(rows[0]).toEqual({ postings: 4, months: 4 });
  });

  test("no function takes more memory than its member gives each session", async () => {
    const { rows } = await owner.query(
      "SELECT proname FROM pg_proc WHERE EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting ~ 'work_mem')",
    );
    expect(rows).toEqual([]);
  });

  test("003 runs twice more as plain SQL and changes nothing", async () => {
    const before = await schemaOf(owner);
    const sql = await readFile(join(folder, "003_database_optimization.sql"), "utf8");
    await owner.query(sql);
    await owner.query(sql);
    expect(await schemaOf(owner)).toEqual(before);
  });

  test("a failing file leaves the schema as it was, names its line, and can be corrected", async () => {
    const before = await schemaOf(owner);
    const path = join(folder, "100_broken.sql");
    await writeFile(path, "CREATE TABLE half_done (id int);\n\nCREATE TABEL oops ();\n");
    await expect(run()).rejects.toThrow(/100_broken failed at line 3: syntax error/);
    expect(await schemaOf(owner)).toEqual(before);
    await writeFile(path, "CREATE TABLE well_done (id int);\n");
    expect(await run()).toEqual(["100_broken"]);
  });

  test("a changed file is detected, and nothing is applied", async () => {
    const path = join(folder, "002_dex_transactions.sql");
    const original = await readFile(path, "utf8");
    await writeFile(path, `${original}\n-- changed\n`);
    await writeFile(join(folder, "101_next.sql"), "CREATE TABLE next (id int);\n");
    await expect(run()).rejects.toThrow(/002_dex_transactions was changed after it was applied/);
    await writeFile(path, original);
    expect(await run()).toEqual(["101_next"]);
  });

  test("an applied file that is gone is detected", async () => {
    await rm(join(folder, "101_next.sql"));
    await expect(run()).rejects.toThrow(/101_next was applied, but its file is gone/);
    await writeFile(join(folder, "101_next.sql"), "CREATE TABLE next (id int);\n");
  });

  test("a run that can not get the lock says who has it", async () => {
    await owner.query("SELECT pg_advisory_lock(38596644)");
    const other = await database.connect("dujyo_user");
    await expect(
      migrate(other, database.settings({ directory: folder, lockTimeoutSeconds: 1 }), silent),
    ).rejects.toThrow(/another run of the migrations has held the lock/);
    await owner.query("SELECT pg_advisory_unlock(38596644)");
  });
});

/** All that defines the schema: columns, constraints, indexes, functions, views, triggers, settings, rights. */
async function schemaOf(client: Client): Promise<unknown[]> {
  const { rows } = await client.query(`
    SELECT 'column' AS kind, attrelid::regclass::text AS name, concat_ws(' ', attnum, attname, atttypid::regtype, attnotnull, attstattarget) AS definition
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL SELECT 'relation', oid::regclass::text, concat_ws(' ', relkind, reloptions::text, relacl::text)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'constraint', conrelid::regclass::text || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'function', oid::regprocedure::text, md5(prosrc) || coalesce(proacl::text, '')
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'view', oid::regclass::text, pg_get_viewdef(oid)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
    UNION ALL SELECT 'trigger', tgrelid::regclass::text || tgname, pg_get_triggerdef(oid) FROM pg_trigger
    ORDER BY 1, 2, 3`);
  return rows;
}
