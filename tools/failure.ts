/**
 * A mistake or a state of the machine that the person at the terminal can mend. The message says what is wrong with which
 * value, what is allowed, and the way out; it is printed without a stack trace.
 */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** Runs a command's body; a {@link Failure} ends the process with its sentence and exit code 1. */
export async function runCommand(body: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await body();
  } catch (error) {
    process.exitCode = 1;
    const text =
      error instanceof Failure ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`\n${text}\n`);
  }
}
