import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { KEY_BYTES, weakness } from "../../infra/settings/strength.ts";

/** Value by which a row is found that holds an e-mail address only in cipher: HMAC-SHA-256 of the lower-cased address. */
export function blindIndex(email: string, key: KeyObject): Buffer {
  return createHmac("sha256", key).update(email.toLowerCase()).digest();
}

/**
 * Reads a key of personal fields from its file: 32 bytes as hex.
 *
 * @param name what names the file, for the error
 * @throws Error where the file can not be read, holds something else, or a key that may be guessed
 */
export function readPersonalKey(name: string, path: string): KeyObject {
  const key = Buffer.from(readFileSync(path, "utf8").trim(), "hex");
  if (key.length !== 32) throw new Error(`${name} names ${path}: a key is 64 hex digits`);
  const lacks = weakness(key.toString("latin1"), KEY_BYTES);
  if (lacks !== undefined)
    throw new Error(
      `${name} names ${path}: that is a weak key, ${lacks}; make a random one, such as "openssl rand -hex 32" does`,
    );
  return createSecretKey(key);
}
