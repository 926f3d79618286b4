import { runOnRepository } from "../backup/repository.ts";
import type { RunningStack } from "../running-stack.ts";
import type { Target } from "./target.ts";

/** What a trial restore found. */
export interface Found {
  /** Highest block of the restored ledger. */
  readonly height: number;
  readonly blocks: number;
  /** SHA-256 over the hashes of all of them, hexadecimal. */
  readonly digest: string;
  /** Time of the last commit that was replayed, RFC 3339; null where there was none. */
  readonly moment: string | null;
  /** Position up to which the log was replayed. */
  readonly lsn: string | null;
  readonly seconds: number;
}

/** All that there is is read and written once; a day is beyond any ledger. */
const SECONDS = 86_400;

/**
 * Restores on trial, so that a target which can not be reached is known before anything is touched.
 *
 * @throws Refusal where another trial is under way; Failure with its last lines where the target can not be reached
 */
export function tryRestore(stack: RunningStack, { options }: Target): Promise<Found> {
  return runOnRepository<Found>(stack, ["restore-trial", ...options], SECONDS);
}

/** What was found, as a sentence. */
export function describe({ blocks, height, moment, lsn, seconds }: Found): string {
  const reached = moment ? `the last commit is of ${moment}` : "nothing was committed after the backup";
  return `On trial, in ${seconds} s: ${blocks} blocks up to height ${height}, ${reached}, position ${lsn ?? "of the backup"}.`;
}
