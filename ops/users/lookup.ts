import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { blindIndex, readPersonalKey } from "../../tools/data/personal-fields.ts";
import { Refusal } from "../refusal.ts";

/** Variable that names the file with a key that is not the stack's. */
const VARIABLE = "BLIND_INDEX_KEY_FILE";

/**
 * The blind index of an address.
 *
 * @param email `-` for the first line of standard input, which no list of processes shows
 * @param own the stack's key
 * @param file path of another one, where the users were written under that; default: what the environment names
 * @throws Refusal where the file holds no key, or the address is none
 */
export function readIndex(
  email: string,
  own: KeyObject,
  file: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Buffer {
  const path = file ?? env[VARIABLE];
  const address = (email === "-" ? (readFileSync(0, "utf8").split("\n")[0] ?? "") : email).trim();
  if (!/^[^\s@]+@[^\s@]+$/.test(address)) throw new Refusal(`--email is no address of the form name@domain.`);
  return blindIndex(address, path ? readKey(path) : own);
}

function readKey(path: string): KeyObject {
  try {
    return readPersonalKey("The option for the index's key", path);
  } catch (error) {
    throw new Refusal(`${(error as Error).message}. Name the file with which the users were written.`);
  }
}
