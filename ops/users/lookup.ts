import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { blindIndex, readPersonalKey } from "../../tools/data/blind-index.ts";
import { Refusal } from "../refusal.ts";

/** Variable that names the file with the key, as for the loading of data. */
const VARIABLE = "BLIND_INDEX_KEY_FILE";

/**
 * The blind index of an address under the key in a file.
 *
 * @param email `-` for the first line of standard input, which no list of processes shows
 * @param file path of the key; default: what the environment names
 * @throws Refusal where there is no key, or the address is none
 */
export function readIndex(
  email: string,
  file: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Buffer {
  const path = file ?? env[VARIABLE];
  if (!path)
    throw new Refusal(
      `E-mail addresses are stored in cipher, and found by an index whose key the database does not hold. Name the key's file ` +
        `with --index-key-file or ${VARIABLE}: 64 hex digits, the same with which the users were written.`,
    );
  const address = (email === "-" ? (readFileSync(0, "utf8").split("\n")[0] ?? "") : email).trim();
  if (!/^[^\s@]+@[^\s@]+$/.test(address)) throw new Refusal(`--email is no address of the form name@domain.`);
  return blindIndex(address, readKey(path));
}

function readKey(path: string): KeyObject {
  try {
    return readPersonalKey("The option for the index's key", path);
  } catch (error) {
    throw new Refusal(`${(error as Error).message}. Name the file with which the users were written.`);
  }
}
