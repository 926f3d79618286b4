import { Failure } from "../../tools/failure.ts";
import type { Result } from "../../tools/process.ts";
import type { Member } from "../inventory.ts";
import { Refusal } from "../refusal.ts";
import type { RunningStack } from "../running-stack.ts";

/** What a program of the repository's host ends with where another run of it is under way. */
const BUSY = 75;
/** Lines of a failed run that an error repeats. */
const LINES_IN_ERROR = 12;

/**
 * The host that keeps the stack's repository.
 *
 * @throws Refusal where the stack takes no backups, or the host does not run
 */
export function repositoryHost({
  name,
  settings,
  members,
}: Pick<RunningStack, "name" | "settings" | "members">): Member {
  if (!settings.backup.enabled)
    throw new Refusal(
      `The stack "${name}" takes no backups. Set dujyo:backup.enabled to true in Pulumi.${name}.yaml, run "npm run up -- --stack ${name}", and repeat.`,
    );
  const host = members.find(({ part }) => part === "backup");
  if (host?.running) return host;
  throw new Refusal(
    `The repository's host is ${host ? host.state : "not there"}. Bring it up with "npm run up -- --stack ${name}" and repeat.`,
  );
}

/**
 * Runs a program on the repository's host, and gives the line of JSON that it ends with.
 *
 * @param seconds longest wait
 * @throws Refusal where another run of it is under way; Failure with its last lines where it fails
 */
export async function runOnRepository<T>(
  stack: Pick<RunningStack, "name" | "settings" | "members" | "platform">,
  command: readonly string[],
  seconds: number,
): Promise<T> {
  const result = await stack.platform.exec(repositoryHost(stack), command, seconds * 1_000);
  return readOutcome<T>(command[0] ?? "", result);
}

/** What a program of the repository's host has to say about its run; see {@link runOnRepository}. */
export function readOutcome<T>(program: string, result: Result): T {
  if (result.code === BUSY)
    throw new Refusal(
      `${result.stderr.trim()}: the schedule's, or somebody else's. Wait for its end and repeat.`,
    );
  if (result.code === 0) return JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "") as T;
  const lines = `${result.stderr}\n${result.stdout}`.split("\n").filter((line) => line !== "");
  throw new Failure(
    [
      `${program} ${result.timedOut ? "did not end in time" : `failed with exit code ${result.code}`}:`,
      ...lines.slice(-LINES_IN_ERROR),
    ].join("\n"),
  );
}
