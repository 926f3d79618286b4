import { setTimeout as delay } from "node:timers/promises";
import { type ClientBase, DatabaseError } from "pg";
import type { IndexStatement } from "./index-statements.ts";

/** Longer than any write of the service may take. */
const SHORT_LOCK_DEADLINE_MS = 120_000;
const LOCK_NOT_AVAILABLE = "55P03";

/** What was done to one index; for the log. */
export interface IndexWork {
  readonly index: string;
  readonly action: "built" | "attached" | "dropped-invalid";
}

interface Relation {
  readonly kind: "r" | "p" | "m" | string;
  readonly filled: boolean;
}

/**
 * Builds the indexes that are missing on tables that already hold rows, without blocking their writers: on a
 * partitioned table the parent's index alone, then each partition's concurrently, then attached. Leftovers of a
 * build that was interrupted are dropped and built anew, so a run can be repeated after any failure.
 *
 * Must run outside a transaction, on a direct session. Tables that are absent or empty are left to the migration
 * itself, which creates their indexes at once; so is an index that needs a column the table does not have yet.
 */
export async function buildMissingIndexes(
  client: ClientBase,
  statements: readonly IndexStatement[],
): Promise<IndexWork[]> {
  const work: IndexWork[] = [];
  for (const statement of statements) {
    const relation = await findRelation(client, statement.table);
    if (!relation || !["r", "p"].includes(relation.kind)) continue;
    const state = await indexState(client, statement.name);
    if (state === "valid" || (state === "missing" && !relation.filled)) continue;
    if (relation.kind === "r") {
      await buildConcurrently(client, statement, statement.table, statement.name, work);
    } else {
      await buildPartitioned(client, statement, state === "missing", work);
    }
  }
  return work;
}

async function buildPartitioned(
  client: ClientBase,
  statement: IndexStatement,
  parentMissing: boolean,
  work: IndexWork[],
): Promise<void> {
  if (parentMissing) {
    const unique = statement.unique ? "UNIQUE " : "";
    await inShortLocks(
      client,
      `CREATE ${unique}INDEX IF NOT EXISTS ${statement.name} ON ONLY ${statement.table} ${statement.definition}`,
    );
  }
  // A partition may be added meanwhile: go on until none is without its index.
  for (;;) {
    const partition = await nextPartitionWithout(client, statement);
    if (partition === undefined) break;
    const child = childIndexName(partition, statement.name);
    await buildConcurrently(client, statement, partition, child, work);
    await inShortLocks(client, `ALTER INDEX ${statement.name} ATTACH PARTITION ${child}`);
    work.push({ index: child, action: "attached" });
  }
  if ((await indexState(client, statement.name)) !== "valid") {
    throw new Error(
      `index ${statement.name} of ${statement.table} is still invalid though all partitions have theirs; ` +
        "look at pg_index.indisvalid of its partitions",
    );
  }
}

async function buildConcurrently(
  client: ClientBase,
  statement: IndexStatement,
  table: string,
  name: string,
  work: IndexWork[],
): Promise<void> {
  const state = await indexState(client, name);
  if (state === "valid") return;
  if (state === "invalid") {
    await withoutLockTimeout(client, `DROP INDEX CONCURRENTLY ${name}`);
    work.push({ index: name, action: "dropped-invalid" });
  }
  const unique = statement.unique ? "UNIQUE " : "";
  await withoutLockTimeout(
    client,
    `CREATE ${unique}INDEX CONCURRENTLY ${name} ON ${table} ${statement.definition}`,
  );
  work.push({ index: name, action: "built" });
}

/** A concurrent build waits for older transactions as long as they take, and nobody has to wait behind it. */
async function withoutLockTimeout(client: ClientBase, sql: string): Promise<void> {
  await withLockTimeout(client, "0", () => client.query(sql));
}

/**
 * A statement that is done in no time, but whose lock stops writers from the moment it queues for it: it gives way
 * after half a second, and asks again.
 */
async function inShortLocks(client: ClientBase, sql: string): Promise<void> {
  const deadline = Date.now() + SHORT_LOCK_DEADLINE_MS;
  await withLockTimeout(client, "500ms", async () => {
    for (;;) {
      try {
        await client.query(sql);
        return;
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== LOCK_NOT_AVAILABLE || Date.now() > deadline)
          throw error;
      }
      await delay(250);
    }
  });
}

async function withLockTimeout(
  client: ClientBase,
  timeout: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const { rows } = await client.query<{ before: string }>("SELECT current_setting('lock_timeout') AS before");
  await client.query(`SET lock_timeout = '${timeout}'`);
  try {
    await work();
  } finally {
    await client.query(`SET lock_timeout = '${rows[0]?.before}'`);
  }
}

async function findRelation(client: ClientBase, table: string): Promise<Relation | undefined> {
  const { rows } = await client.query<{ kind: string }>(
    "SELECT relkind AS kind FROM pg_class WHERE oid = to_regclass($1)",
    [table],
  );
  const kind = rows[0]?.kind;
  if (kind === undefined) return undefined;
  const { rows: first } = await client.query<{ filled: boolean }>(
    `SELECT EXISTS (SELECT FROM ${table}) AS filled`,
  );
  return { kind, filled: first[0]?.filled ?? false };
}

async function indexState(client: ClientBase, name: string): Promise<"missing" | "invalid" | "valid"> {
  const { rows } = await client.query<{ valid: boolean }>(
    "SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)",
    [name],
  );
  if (rows.length === 0) return "missing";
  return rows[0]?.valid ? "valid" : "invalid";
}

async function nextPartitionWithout(
  client: ClientBase,
  statement: IndexStatement,
): Promise<string | undefined> {
  const { rows } = await client.query<{ partition: string }>(
    `SELECT p.inhrelid::regclass::text AS partition
     FROM pg_inherits p
     WHERE p.inhparent = to_regclass($1)
       AND NOT EXISTS (
         SELECT FROM pg_inherits c JOIN pg_index i ON i.indexrelid = c.inhrelid
         WHERE c.inhparent = to_regclass($2) AND i.indrelid = p.inhrelid)
     ORDER BY 1 LIMIT 1`,
    [statement.table, statement.name],
  );
  return rows[0]?.partition;
}

/** Unique within 63 bytes for the names in use: partition names are short, index names at most 40 characters. */
function childIndexName(partition: string, index: string): string {
  const name = `${partition}_${index.replace(/^idx_[a-z]+_/, "")}_idx`;
  if (name.length > 63) throw new Error(`index name ${name} is longer than 63 characters; shorten ${index}`);
  return name;
}
