import { createCipheriv, hash, type KeyObject } from "node:crypto";
import { type Accounts, MICRO } from "./accounts.ts";
import { blindIndex } from "./blind-index.ts";
import { bytes, type CopyValue, timestamp } from "./copy.ts";
import { uuid } from "./exchange.ts";
import { Random } from "./random.ts";

type Row = readonly CopyValue[];

/** Keys for personal fields, AES-256 and HMAC-SHA-256. */
export interface PersonalDataKeys {
  readonly encryption: KeyObject;
  readonly blindIndex: KeyObject;
}

export const USER_COLUMNS = [
  "user_id",
  "wallet_address",
  "username",
  "user_type",
  "email_ciphertext",
  "email_index",
  "password_hash",
  "created_at",
  "updated_at",
] as const;

/** One user per user account; invented e-mail addresses under example.org, and no password that fits. */
export function* userRows(
  accounts: Accounts,
  keys: PersonalDataKeys,
  registered: number,
  seed: number,
): Generator<Row> {
  const artists = new Set(accounts.artists);
  for (let account = accounts.firstUser; account < accounts.addresses.length; account += 1) {
    const type = artists.has(account) ? "artist" : "listener";
    const name = `${type}_${String(account).padStart(7, "0")}`;
    const { ciphertext, index } = protect(`${name}@example.org`, keys);
    const time = timestamp(registered);
    yield [
      uuid(`${seed}|user|${account}`),
      accounts.addresses[account],
      name,
      type,
      bytes(ciphertext),
      bytes(index),
      "!",
      time,
      time,
    ];
  }
}

/** AES-256-GCM as nonce, ciphertext, tag; the nonce comes from the text, so that a data set repeats to the byte. */
function protect(email: string, keys: PersonalDataKeys): { ciphertext: string; index: string } {
  const nonce = hash("sha256", email, "buffer").subarray(0, 12);
  const cipher = createCipheriv("aes-256-gcm", keys.encryption, nonce);
  const sealed = Buffer.concat([nonce, cipher.update(email, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return {
    ciphertext: sealed.toString("hex"),
    index: blindIndex(email, keys.blindIndex).toString("hex"),
  };
}

export const TOKEN_COLUMNS = ["address", "dys_balance", "staked_balance", "updated_at"] as const;

/** Tokens of seven in ten users, and of those that hold nothing else; one in twenty stakes. */
export function* tokenRows(accounts: Accounts, updated: number, seed: number): Generator<Row> {
  const random = new Random(seed, "tokens");
  const time = timestamp(updated);
  for (let account = accounts.firstUser; account < accounts.addresses.length; account += 1) {
    const only = accounts.tokenOnly.has(account);
    const listed = random.chance(0.7) || only;
    const dys = random.chance(0.6) || only ? Math.round(random.logNormal(20 * MICRO, 1.4)) : 0;
    const staked = random.chance(0.05) ? Math.round(random.logNormal(200 * MICRO, 1)) : 0;
    if (listed) yield [accounts.addresses[account], dys, staked, time];
  }
}
