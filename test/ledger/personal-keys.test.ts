import { createSecretKey, hash } from "node:crypto";
import type { Client } from "pg";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { eraseUser, findUser, type Session } from "../../ops/users/accounts.ts";
import { countFormer, reencrypt } from "../../ops/users/reencrypt.ts";
import { blindIndex, type KeyRing, seal, unseal } from "../../tools/data/personal-fields.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

const USERS = 400;
const BATCH = 25;

const key = (name: string) => createSecretKey(hash("sha256", name, "buffer"));
const former: KeyRing = { index: key("index"), encryption: new Map([[1, key("first")]]), newest: 1 };
const both: KeyRing = {
  ...former,
  encryption: new Map([...former.encryption, [2, key("second")]]),
  newest: 2,
};

let database: TestDatabase | undefined;
afterAll(() => database?.drop());

describe("users under a new key", { timeout: 60_000 }, () => {
  let owner: Client;
  let app: Client;

  beforeEach(async () => {
    database ??= await testDatabase();
    owner = await database.connect("dujyo_user");
    app = await database.connect("dujyo_app");
    await owner.query("DELETE FROM users");
    for (let user = 0; user < USERS; user += 1) await write(owner, `user${user}@example.org`, former);
  });

  async function write(session: Session, email: string, keys: KeyRing): Promise<void> {
    await session.query(
      `INSERT INTO users (wallet_address, email_ciphertext, email_index, password_hash, key_version) VALUES ($1, $2, $3, '!', $4)`,
      [
        `DU-${hash("sha256", email).slice(0, 12)}`,
        seal(email, keys.encryption.get(keys.newest) ?? key("none")),
        blindIndex(email, keys.index),
        keys.newest,
      ],
    );
  }

  /** Rows by their key, each with its address as that key alone opens it, which has to be the one of its index. */
  async function addresses(): Promise<{ versions: number[]; readable: number; erased: number }> {
    const { rows } = await owner.query<{
      key_version: number;
      email_ciphertext: Buffer;
      email_index: Buffer;
    }>("SELECT key_version, email_ciphertext, email_index FROM users");
    const erased = rows.filter(({ email_ciphertext }) => email_ciphertext.length === 0);
    const kept = rows.filter(({ email_ciphertext }) => email_ciphertext.length > 0);
    const readable = kept.filter(({ key_version, email_ciphertext, email_index }) => {
      const email = unseal(email_ciphertext, both.encryption.get(key_version) ?? key("none"));
      return email !== undefined && blindIndex(email, both.index).equals(email_index);
    });
    return {
      versions: [...new Set(kept.map(({ key_version }) => key_version))].sort(),
      readable: readable.length,
      erased: erased.length,
    };
  }

  /** A session in front of whose n-th statement that matches something happens. */
  function sessionWhere(pattern: RegExp, call: number, happens: () => Promise<unknown>): Session {
    let calls = 0;
    const query = async (text: string, values?: unknown[]) => {
      if (pattern.test(text)) {
        calls += 1;
        if (calls === call) await happens();
      }
      return owner.query(text, values);
    };
    return { query } as unknown as Session;
  }

  test("are all there after it, and are found by the same index", async () => {
    expect(await reencrypt(owner, both, BATCH)).toEqual({ rows: USERS, left: 0 });
    expect(await addresses()).toEqual({ versions: [2], readable: USERS, erased: 0 });
    expect(await findUser(owner, blindIndex("user7@example.org", both.index))).toMatchObject({ postings: 0 });
    expect(await reencrypt(owner, both, BATCH)).toEqual({ rows: 0, left: 0 });
  });

  test("go on where a run was cut off", async () => {
    const cut = sessionWhere(/^\s*UPDATE/, 4, () => Promise.reject(new Error("cut off")));
    await expect(reencrypt(cut, both, BATCH)).rejects.toThrow("cut off");
    expect(await countFormer(owner, both)).toBe(USERS - 3 * BATCH);
    expect(await addresses()).toEqual({ versions: [1, 2], readable: USERS, erased: 0 });
    expect(await reencrypt(owner, both, BATCH)).toEqual({ rows: USERS - 3 * BATCH, left: 0 });
  });

  test("keep what others write between the reading and the writing of a batch", async () => {
    const email = "moved@example.org";
    const busy = sessionWhere(/^\s*UPDATE/, 1, async () => {
      const { rows } = await owner.query(
        "SELECT user_id, email_index, wallet_address FROM users ORDER BY user_id LIMIT 2",
      );
      const [changed, erased] = rows;
      // By the former key: the program has not heard of the new one.
      await app.query("UPDATE users SET email_ciphertext = $2, email_index = $3 WHERE user_id = $1", [
        changed.user_id,
        seal(email, key("first")),
        blindIndex(email, both.index),
      ]);
      await eraseUser(owner, erased.email_index, { ...erased });
      await write(app, "late@example.org", former);
    });
    const { left } = await reencrypt(busy, both, BATCH);
    expect(left).toBe(0);
    expect(await addresses()).toEqual({ versions: [2], readable: USERS, erased: 1 });
    const moved = await owner.query("SELECT email_ciphertext FROM users WHERE email_index = $1", [
      blindIndex(email, both.index),
    ]);
    expect(unseal(moved.rows[0].email_ciphertext, key("second"))).toBe(email);
  });

  test("are not waited for where somebody holds them, and do not keep others waiting", async () => {
    await app.query("BEGIN");
    await app.query("SELECT FROM users ORDER BY user_id DESC LIMIT 1 FOR UPDATE");
    const held = await reencrypt(owner, both, BATCH);
    expect(held).toEqual({ rows: USERS - BATCH, left: BATCH });
    await app.query("COMMIT");
    expect(await reencrypt(owner, both, BATCH)).toEqual({ rows: BATCH, left: 0 });
  });

  test("that no key opens are named and left alone, and all others are done", async () => {
    await write(app, "lost@example.org", { ...former, encryption: new Map([[1, key("lost")]]) });
    await expect(reencrypt(owner, both, BATCH)).rejects.toThrow(
      new RegExp(
        `^1 users have fields that the stack's keys do not open.*under key 1\\..*${USERS} others are under`,
      ),
    );
    expect(await addresses()).toEqual({ versions: [1, 2], readable: USERS, erased: 0 });
  });
});
