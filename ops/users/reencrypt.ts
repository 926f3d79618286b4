import { setTimeout as pause } from "node:timers/promises";
import { type KeyRing, seal, unseal } from "../../tools/data/personal-fields.ts";
import { Failure } from "../../tools/failure.ts";
import type { Session } from "./accounts.ts";

/** Rows of a batch, locked together for as long as one statement and its commit take: tens of milliseconds. */
const BATCH = 500;
/** Times that the table is gone over: the second finds what was written during the first, a third what was locked. */
const PASSES = 3;
/** PostgreSQL's code for a lock that was not had in time. */
const LOCK_NOT_AVAILABLE = "55P03";

// An erased person has nothing to be encrypted.
const UNDER_ANOTHER = "key_version <> $1 AND email_ciphertext <> ''";
const NEXT = `
SELECT user_id, key_version, email_ciphertext FROM users
WHERE ${UNDER_ANOTHER} AND user_id > $2 ORDER BY user_id LIMIT $3`;
const LEFT = `SELECT count(*)::int AS left FROM users WHERE ${UNDER_ANOTHER}`;
/** A row that was changed since it was read stays as it is: the change wins, and a later pass finds it. */
const REPLACE = `
UPDATE users SET email_ciphertext = fresh.sealed, key_version = $1
FROM unnest($2::uuid[], $3::bytea[], $4::bytea[]) AS fresh (user_id, was, sealed)
WHERE users.user_id = fresh.user_id AND users.email_ciphertext = fresh.was`;

interface Row {
  readonly user_id: string;
  readonly key_version: number;
  readonly email_ciphertext: Buffer;
}

export interface Reencrypted {
  /** Rows that were under another key and are under the newest now. */
  readonly rows: number;
  /** Rows that still are: somebody goes on to write with a former key, or holds a lock. */
  readonly left: number;
}

/** How many rows are under another key than the newest. */
export async function countFormer(session: Session, { newest }: KeyRing): Promise<number> {
  const { rows } = await session.query<{ left: number }>(LEFT, [newest]);
  return rows[0]?.left ?? 0;
}

/**
 * Puts the personal fields of all users under the newest key, while others read and write them: a batch at a time, no row
 * locked while it is worked on, no longer at work than idle. What is done stays done: a repeat goes on where it was cut off.
 *
 * @param session of the schema's owner; its lock timeout is changed
 * @throws Failure where fields are under none of the keys; all others are done by then
 */
export async function reencrypt(session: Session, keys: KeyRing, batch = BATCH): Promise<Reencrypted> {
  // Somebody who holds a row for longer is not waited for, since others may wait behind.
  await session.query("SET lock_timeout = '1s'");
  let rows = 0;
  for (let pass = 0; pass < PASSES; pass += 1) {
    const { seen, done, unreadable } = await passOver(session, keys, batch);
    rows += done;
    if (unreadable.length > 0) throw new Failure(describeUnreadable(unreadable, rows));
    if (seen === 0) break;
  }
  // The rows as they were lie in the table until then. To shorten the file it would wait for all who use the table.
  if (rows > 0) await session.query("VACUUM (TRUNCATE false) users");
  return { rows, left: await countFormer(session, keys) };
}

interface Pass {
  readonly seen: number;
  readonly done: number;
  /** Rows that none of the keys opens. */
  readonly unreadable: readonly Row[];
}

async function passOver(session: Session, keys: KeyRing, batch: number): Promise<Pass> {
  const pass = { seen: 0, done: 0, unreadable: [] as Row[] };
  let after = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const started = performance.now();
    const { rows } = await session.query<Row>(NEXT, [keys.newest, after, batch]);
    const last = rows.at(-1);
    if (last === undefined) return pass;
    after = last.user_id;
    pass.seen += rows.length;
    pass.done += await replace(session, keys, rows, pass.unreadable);
    await pause(performance.now() - started);
  }
}

/** How many of the rows are under the newest key now; those that can not be read are added to `unreadable`. */
async function replace(
  session: Session,
  { encryption, newest }: KeyRing,
  rows: readonly Row[],
  unreadable: Row[],
): Promise<number> {
  const key = encryption.get(newest);
  if (key === undefined) throw new Error(`there is no key ${newest}`);
  const fresh = rows.flatMap((row) => {
    const former = encryption.get(row.key_version);
    const text = former && unseal(row.email_ciphertext, former);
    if (text === undefined) unreadable.push(row);
    return text === undefined ? [] : [{ ...row, sealed: seal(text, key) }];
  });
  try {
    const { rowCount } = await session.query(REPLACE, [
      newest,
      fresh.map(({ user_id }) => user_id),
      fresh.map(({ email_ciphertext }) => email_ciphertext),
      fresh.map(({ sealed }) => sealed),
    ]);
    return rowCount ?? 0;
  } catch (error) {
    if ((error as { readonly code?: string }).code === LOCK_NOT_AVAILABLE) return 0;
    throw error;
  }
}

function describeUnreadable(rows: readonly Row[], done: number): string {
  const versions = [...new Set(rows.map(({ key_version }) => key_version))].sort((a, b) => a - b);
  return (
    `${rows.length} users have fields that the stack's keys do not open, such as ${rows[0]?.user_id}; by their key_version they ` +
    `are under key ${versions.join(" and ")}. They were written under a key that this stack does not have, or are damaged, and ` +
    `stay as they are; ${done} others are under the new key. The former key has to stay in ledger.personalKeys. Write those rows ` +
    "anew with the program that has their key, and repeat."
  );
}
