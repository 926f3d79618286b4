import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";

/** Value by which a row is found that holds an e-mail address only in cipher: HMAC-SHA-256 of the lower-cased address. */
export function blindIndex(email: string, key: KeyObject): Buffer {
  return createHmac("sha256", key).update(email.toLowerCase()).digest();
}

/**
 * Reads a key of personal fields from its file: 32 bytes as hex.
 *
 * @param name what names the file, for the error
 * @throws Error where the file can not be read or holds something else
 */
export function readPersonalKey(name: string, path: string): KeyObject {
  const key = Buffer.from(readFileSync(path, "utf8").trim(), "hex");
  if (key.length !== 32) throw new Error(`${name} names ${path}: a key is 64 hex digits`);
  return createSecretKey(key);
}
