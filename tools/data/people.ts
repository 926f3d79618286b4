import { hash, type KeyObject } from "node:crypto";
import { type Accounts, MICRO } from "./accounts.ts";
import { bytes, type CopyValue, timestamp } from "./copy.ts";
import { uuid } from "./exchange.ts";
import { blindIndex, type KeyRing, seal } from "./personal-fields.ts";
import { Random } from "./random.ts";

type Row = readonly CopyValue[];

export const USER_COLUMNS = [
  "user_id",
  "wallet_address",
  "username",
  "user_type",
  "email_ciphertext",
  "email_index",
  "password_hash",
  "key_version",
  "created_at",
  "updated_at",
] as const;

/** One user per user account; invented e-mail addresses under example.org, and no password that fits. */
export function* userRows(
  accounts: Accounts,
  keys: KeyRing,
  registered: number,
  seed: number,
): Generator<Row> {
  const artists = new Set(accounts.artists);
  const key = keys.encryption.get(keys.newest) as KeyObject;
  for (let account = accounts.firstUser; account < accounts.addresses.length; account += 1) {
    const type = artists.has(account) ? "artist" : "listener";
    const name = `${type}_${String(account).padStart(7, "0")}`;
    const email = `${name}@example.org`;
    const time = timestamp(registered);
    yield [
      uuid(`${seed}|user|${account}`),
      accounts.addresses[account],
      name,
      type,
      bytes(protect(email, key).toString("hex")),
      bytes(blindIndex(email, keys.index).toString("hex")),
      "!",
      keys.newest,
      time,
      time,
    ];
  }
}

/** The nonce comes from the text, so that a data set repeats to the byte. */
function protect(email: string, key: KeyObject): Buffer {
  return seal(email, key, hash("sha256", email, "buffer").subarray(0, 12));
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
