import { hash, type KeyObject } from "node:crypto";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Connection, LOGINS } from "../../ops/connection.ts";
import { readConnection } from "../../ops/connection-store.ts";
import type { Status } from "../../ops/stack-status.ts";
import { blindIndex, keyRing, seal, unseal } from "../../tools/data/personal-fields.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { ApiLoad } from "./api-load.ts";
import { OTHER_NAMESPACE, OTHER_STACK, removeOther, upOther } from "./cluster-stack.ts";
import { tell } from "./objects.ts";
import { ops } from "./ops.ts";
import { Writer, withOwner } from "./writer.ts";

/** Rotations on a stack of their own, with replicas of each kind of data, and two of whatever serves. */

const MINUTES = 60_000;
const connection = (): Promise<Connection> => readConnection(OTHER_STACK, pulumiEnvironment(OTHER_STACK));

beforeAll(async () => {
  await upOther({ replicas: 1, synchronousReplicas: 1 }, undefined, {
    redis: { replicasPerShard: 1 },
    api: { instances: 2 },
    pgbouncer: { instances: 2, writerPool: 5, readerPool: 3 },
  });
}, 5 * MINUTES);

afterAll(removeOther, 3 * MINUTES);

/** While a client writes, and others ask the API. */
async function underLoad(name: string, work: () => Promise<unknown>): Promise<void> {
  const options = { namespace: OTHER_NAMESPACE };
  const writer = await Writer.start(await connection(), { ...options, learn: connection });
  const load = await ApiLoad.start({ ...options, clients: 2, pause: 50 });
  const started = performance.now();
  const found = await work();
  const seconds = Math.round((performance.now() - started) / 1_000);
  await writer.progress(20);
  await load.progress(20);
  const [written, { answered, failures, slowest }] = await Promise.all([writer.stop(), load.stop()]);
  tell(name, { seconds, ...written, answered, failed: failures.length, slowest, found });
  expect(failures).toEqual([]);
  expect(written.lost).toEqual([]);
  expect(written.longestGap).toBeLessThan(15);
  expect((await ops<Status>(OTHER_STACK, "status")).problems).toEqual([]);
}

const asOwner = async <T>(use: (owner: Client) => Promise<T>) =>
  withOwner(await connection(), use, OTHER_NAMESPACE);

/** Users, as a program writes them that has the stack's keys. */
async function writeUsers(count: number): Promise<void> {
  const { encryption, index, newest } = keyRing((await connection()).personalKeys);
  await asOwner(async (owner) => {
    for (let number = 0; number < count; number += 1) {
      const email = `rotation-${number}@example.org`;
      await owner.query(
        `INSERT INTO users (wallet_address, email_ciphertext, email_index, password_hash, key_version)
         VALUES ($1, $2, $3, '!', $4)`,
        [
          `DU-${hash("sha256", email).slice(0, 16)}`,
          seal(email, encryption.get(newest) as KeyObject),
          blindIndex(email, index),
          newest,
        ],
      );
    }
  });
}

const rotate = (...args: string[]) => ops<object>(OTHER_STACK, "rotate", ...args);

describe("a rotation on a real cluster loses nothing, and fails no request to the API", () => {
  it("of certificates", { timeout: 10 * MINUTES }, () =>
    underLoad("certificates", () => rotate("certificates")),
  );

  it("of the key of tokens", { timeout: 10 * MINUTES }, async () => {
    const { apiSigningKey } = await connection();
    await underLoad("token-key", () => rotate("token-key"));
    expect((await connection()).apiSigningKey).not.toBe(apiSigningKey);
    await underLoad("token-key --finish", () => rotate("token-key", "--finish", "--token-life", "0"));
  });

  it("of the key of personal fields", { timeout: 10 * MINUTES }, async () => {
    await writeUsers(50);
    await underLoad("personal-fields", () => rotate("personal-fields"));
    await underLoad("personal-fields --finish", () => rotate("personal-fields", "--finish"));
    const { encryption, newest } = keyRing((await connection()).personalKeys);
    expect([...encryption.keys()]).toEqual([newest]);
    const rows = await asOwner((owner) => owner.query("SELECT key_version, email_ciphertext FROM users"));
    const opened = rows.rows.filter(
      ({ key_version, email_ciphertext }) =>
        key_version === newest && unseal(email_ciphertext, encryption.get(newest) as KeyObject),
    );
    expect(opened).toHaveLength(50);
  });

  it("of Redis' passwords", { timeout: 10 * MINUTES }, async () => {
    const { redisPasswords } = await connection();
    await underLoad("redis-passwords", () => rotate("redis-passwords"));
    await underLoad("redis-passwords --finish", () => rotate("redis-passwords", "--finish"));
    expect((await connection()).redisPasswords.app).not.toBe(redisPasswords.app);
  });

  it("of the passwords of PostgreSQL's clients", { timeout: 10 * MINUTES }, async () => {
    const { postgresPasswords } = await connection();
    await underLoad("postgres-passwords", () => rotate("postgres-passwords"));
    const now = (await connection()).postgresPasswords;
    for (const login of Object.keys(LOGINS) as (keyof typeof LOGINS)[])
      expect(now[login]).not.toBe(postgresPasswords[login]);
  });

  it("of the passwords of PostgreSQL's members", { timeout: 10 * MINUTES }, () =>
    underLoad("postgres-member-passwords", () => rotate("postgres-member-passwords")),
  );
});
