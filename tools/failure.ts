import { explain } from "./causes.mjs";

/**
 * A mistake or a state of the machine that the person at the terminal can mend. The message says what is wrong with which
 * value, what is allowed, and the way out; it is printed without a stack trace.
 */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** Runs a command's body; a {@link Failure}, or a full disk, ends the process with its sentence and exit code 1. */
export async function runCommand(body: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await body();
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`\n${describeError(error)}\n`);
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Failure) return error.message;
  const cause = explain(error.message);
  return cause === undefined ? (error.stack ?? error.message) : `${error.message}\n${cause}`;
}
