import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { KEY_BYTES, weakness } from "../../infra/settings/strength.ts";
import type { PersonalKeys } from "../../infra/stack-outputs.ts";
import { Failure } from "../failure.ts";

/** Keys of personal fields: AES-256 by number, and HMAC-SHA-256 of the blind index. */
export interface KeyRing {
  readonly index: KeyObject;
  /** By the number that a row tells as its `key_version`. */
  readonly encryption: ReadonlyMap<number, KeyObject>;
  /** Number of the one that encrypts. */
  readonly newest: number;
}

/** The ring that the stack's output of the keys stands for. @throws Failure where the stack has none yet */
export function keyRing(output: PersonalKeys | undefined): KeyRing {
  if (output === undefined)
    throw new Failure(
      'The stack has no keys of personal fields: it was brought up by an older version. Run "npm run up" first.',
    );
  const { index, encryption } = output;
  const keys = new Map(Object.entries(encryption).map(([number, hex]) => [Number(number), keyOf(hex)]));
  return { index: keyOf(index), encryption: keys, newest: Math.max(...keys.keys()) };
}

const keyOf = (hex: string) => createSecretKey(Buffer.from(hex, "hex"));

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM as nonce, ciphertext, tag.
 *
 * @param nonce never the same for two texts under one key. @default random
 */
export function seal(text: string, key: KeyObject, nonce: Buffer = randomBytes(NONCE_BYTES)): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

/** What {@link seal} made of a text; undefined where it was under another key, or is damaged. */
export function unseal(sealed: Buffer, key: KeyObject): string | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return (
      decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8")
    );
  } catch {
    return undefined;
  }
}

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
