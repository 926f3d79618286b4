import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, transfer } from "./booking-calls.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

const LEDGER = [
  "transactions",
  "postings",
  "transaction_hashes",
  "idempotency_keys",
  "blocks",
  "chain_state",
  "genesis",
  "balances",
];
const DENIED = "42501";
const NEVER = "DJ006";

describe("rights", { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let owner: Client;
  let app: Client;
  let readonly: Client;
  let partitions: string[];

  beforeAll(async () => {
    database = await testDatabase();
    owner = await database.connect("dujyo_user");
    app = await database.connect("dujyo_app");
    readonly = await database.connect("dujyo_readonly");
    await owner.query("SELECT genesis_allocate('DUbank', 1000)");
    await transfer(app, { from: "DUbank", to: "DUuser", amount: 10, nonce: 1, key: "a" });
    const { rows } = await owner.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent IN ('transactions'::regclass, 'postings'::regclass)",
    );
    partitions = rows.map(({ name }) => name);
  }, 60_000);
  afterAll(() => database.drop());

  test("the service can delete, truncate or change no ledger row, partitions included", async () => {
    for (const table of [...LEDGER, ...partitions]) {
      const column = await firstColumn(table);
      for (const sql of [
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
        `UPDATE ${table} SET ${column} = ${column}`,
        `INSERT INTO ${table} SELECT * FROM ${table}`,
      ]) {
        expect(await refusal(app.query(sql)), sql).toMatchObject({ code: DENIED });
      }
    }
  });

  test("the owner is stopped as well", async () => {
    for (const table of [...LEDGER, ...partitions]) {
      expect(await refusal(owner.query(`DELETE FROM ${table}`)), table).toMatchObject({ code: NEVER });
      expect(await refusal(owner.query(`TRUNCATE ${table} CASCADE`)), table).toMatchObject({ code: NEVER });
    }
    for (const table of ["transactions", "postings", "blocks", ...partitions]) {
      const column = await firstColumn(table);
      expect(await refusal(owner.query(`UPDATE ${table} SET ${column} = ${column}`)), table).toMatchObject({
        code: NEVER,
      });
    }
  });

  test("rows that caches hold keep their keys, and are not deleted", async () => {
    await owner.query("INSERT INTO token_balances (address) VALUES ('DUkept')");
    await owner.query("INSERT INTO dex_pools (pool_id, token_a, token_b) VALUES ('kept', 'DYO', 'DYS')");
    for (const [table, key] of [
      ["balances", "address"],
      ["token_balances", "address"],
      ["dex_pools", "pool_id"],
    ]) {
      for (const sql of [
        `DELETE FROM ${table}`,
        `TRUNCATE ${table} CASCADE`,
        `UPDATE ${table} SET ${key} = ${key} || '2'`,
      ]) {
        expect(await refusal(owner.query(sql)), sql).toMatchObject({ code: NEVER });
        expect((await refusal(app.query(sql))).code, sql).toMatch(RegExp(`${NEVER}|${DENIED}`));
      }
      await owner.query(`UPDATE ${table} SET ${key} = ${key}`);
    }
  });

  test("a partition that the service makes is protected like the others", async () => {
    await app.query("SELECT ensure_partitions(6)");
    const { rows } = await owner.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'transactions'::regclass ORDER BY 1 DESC LIMIT 1",
    );
    expect(await refusal(app.query(`DELETE FROM ${rows[0]?.name}`))).toMatchObject({ code: DENIED });
    expect(await refusal(owner.query(`DELETE FROM ${rows[0]?.name}`))).toMatchObject({ code: NEVER });
  });

  test("the service neither makes supply nor touches the record of migrations", async () => {
    expect(await refusal(app.query("SELECT genesis_allocate('DUthief', 5)"))).toMatchObject({ code: DENIED });
    expect(await refusal(app.query("DELETE FROM schema_migrations"))).toMatchObject({ code: DENIED });
    expect(await refusal(app.query("DELETE FROM schema_migration_checksums"))).toMatchObject({
      code: DENIED,
    });
    expect(await refusal(app.query("CREATE TABLE mine (id int)"))).toMatchObject({ code: DENIED });
    expect(await refusal(app.query("SELECT ensure_month('2030-01-01')"))).toMatchObject({ code: DENIED });
  });

  test("the reading role reads and does nothing else", async () => {
    for (const table of [
      ...LEDGER,
      "users",
      "token_balances",
      "top_holders",
      "transaction_stats",
      "user_balance_summary",
    ]) {
      await readonly.query(`SELECT count(*) FROM ${table}`);
    }
    expect(await refusal(readonly.query("UPDATE token_balances SET dys_balance = 0"))).toMatchObject({
      code: DENIED,
    });
    expect(
      await refusal(transfer(readonly, { from: "DUbank", to: "DUuser", amount: 1, nonce: 2, key: "b" })),
    ).toMatchObject({ code: DENIED });
  });

  test("the reading role finds people by what is public of them, and reads no personal field", async () => {
    await readonly.query("SELECT wallet_address, username, user_type FROM users");
    for (const column of ["email_ciphertext", "email_index", "password_hash", "*"])
      expect(await refusal(readonly.query(`SELECT ${column} FROM users`)), column).toMatchObject({
        code: DENIED,
      });
  });

  test("each role may call what it is for, and nothing else", async () => {
    const { rows } = await owner.query<{ role: string; functions: string[] }>(
      `SELECT r.rolname AS role, array_agg(p.proname::text ORDER BY p.proname) AS functions
       FROM pg_proc p, pg_roles r
       WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = 'dujyo_user'::regrole
         AND r.rolname IN ('dujyo_app', 'dujyo_readonly', 'monitoring') AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
       GROUP BY r.rolname ORDER BY 1`,
    );
    const reading = [
      "block_addresses",
      "block_hash",
      "get_index_usage",
      "get_slow_queries",
      "ledger_counts",
      "transaction_hash",
    ];
    const acting = [
      "ensure_partitions",
      "ledger_invariants",
      "ledger_transfer",
      "refresh_top_holders",
      "seal_block",
    ];
    expect(rows).toEqual([
      { role: "dujyo_app", functions: [...reading, ...acting].sort() },
      { role: "dujyo_readonly", functions: reading },
      { role: "monitoring", functions: ["get_index_usage", "get_slow_queries"] },
    ]);
  });

  test("each column of users that is not in cipher says why", async () => {
    const { rows } = await owner.query<{ name: string; why: string | null }>(
      `SELECT attname AS name, col_description(attrelid, attnum) AS why FROM pg_attribute
       WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped AND atttypid = 'text'::regtype`,
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ why }) => why === null)).toEqual([]);
  });

  test("the service writes rows of the other tables", async () => {
    await app.query("INSERT INTO token_balances (address, dys_balance) VALUES ('DUuser', 5)");
    await app.query("UPDATE token_balances SET staked_balance = 1");
    await app.query(`INSERT INTO users (wallet_address, email_ciphertext, email_index, password_hash)
      VALUES ('DUuser', '\\x00', sha256('a'), '!')`);
  });

  async function firstColumn(table: string): Promise<string> {
    const { rows } = await owner.query<{ name: string }>(
      "SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 1",
      [table],
    );
    return rows[0]?.name ?? "";
  }
});
