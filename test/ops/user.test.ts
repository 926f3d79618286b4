import { createSecretKey, hash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { eraseUser, findUser, type Session, type UserRow } from "../../ops/users/accounts.ts";
import { readIndex } from "../../ops/users/lookup.ts";

const folder = mkdtempSync(join(tmpdir(), "dujyo-user-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const own = createSecretKey(hash("sha256", "the stack's key", "buffer"));
const file = join(folder, "key");
writeFileSync(file, `${hash("sha256", "a key")}\n`);

describe("the blind index", () => {
  it("is the same however the address is written", () => {
    const index = readIndex(" Ann@Example.org", own, undefined, {});
    expect(index).toHaveLength(32);
    expect(readIndex("ann@example.org", own, undefined, {})).toEqual(index);
    expect(readIndex("bob@example.org", own, undefined, {})).not.toEqual(index);
  });

  it("is the one of another key where that is named", () => {
    const index = readIndex("ann@example.org", own, file, {});
    expect(index).not.toEqual(readIndex("ann@example.org", own, undefined, {}));
    expect(readIndex("ann@example.org", own, undefined, { BLIND_INDEX_KEY_FILE: file })).toEqual(index);
  });

  it("is refused with a wrong key, and for what is no address", () => {
    expect(() => readIndex("ann@example.org", own, join(folder, "none"), {})).toThrow(/ENOENT/);
    const wrong = join(folder, "wrong");
    writeFileSync(wrong, "abc");
    expect(() => readIndex("ann@example.org", own, wrong, {})).toThrow(/64 hex digits/);
    writeFileSync(wrong, "02".repeat(32));
    expect(() => readIndex("ann@example.org", own, wrong, {})).toThrow(
      /weak key, 32 characters, 1 of them different/,
    );
    expect(() => readIndex("ann", own, file, {})).toThrow(/name@domain/);
  });
});

describe("a user", () => {
  const index = Buffer.alloc(32, 7);
  const user: UserRow = {
    user_id: "u",
    wallet_address: "DU1",
    username: "ann",
    user_type: "artist",
    created_at: "2026-01-01T00:00:00Z",
    postings: 3,
  };
  function session(rowCount: number) {
    const asked: { text: string; values?: unknown[] }[] = [];
    const query = async (text: string, values?: unknown[]) => {
      asked.push({ text, values });
      return { rows: [user], rowCount };
    };
    return { asked, session: { query } as unknown as Session };
  }

  it("is found by the index alone", async () => {
    const { asked, session: found } = session(1);
    expect(await findUser(found, index)).toEqual(user);
    expect(asked[0]?.values).toEqual([index]);
  });

  it("loses every personal field, and no row", async () => {
    const { asked, session: found } = session(1);
    await eraseUser(found, index, user);
    expect(asked[0]?.values).toEqual([index, "DU1"]);
    for (const field of ["email_ciphertext", "email_index", "username", "password_hash"])
      expect(asked[0]?.text).toContain(`${field} = `);
    expect(asked.map(({ text }) => text).join()).not.toMatch(/DELETE|TRUNCATE|balances|postings/);
    expect(asked[1]?.text).toBe("VACUUM users");
  });

  it("that changed in the meantime is left alone", async () => {
    await expect(eraseUser(session(0).session, index, user)).rejects.toThrow(/nothing was erased/);
  });
});
