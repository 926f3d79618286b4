import { Failure } from "../../tools/failure.ts";
import type { RunningStack } from "../running-stack.ts";

/** Name under which the pooler serves the writer. */
export const WRITER_DATABASE = "dujyo_blockchain";
/** Name under which the pooler serves the readers. */
export const READER_DATABASE = "dujyo_blockchain_ro";

type Poolers = Pick<RunningStack, "members" | "platform">;

const ASK_MILLISECONDS = 10_000;

function members({ members }: Poolers) {
  return members.filter(({ part, running }) => part === "pgbouncer" && running);
}

/**
 * Lets the writer's running transactions end and holds new ones, on every pooler. A guard inside each pooler lets them go at
 * the deadline, also if this process is killed.
 *
 * @param seconds the deadline
 * @param wait seconds that running transactions get to end
 * @throws Failure where they do not end in time; nothing is held then
 */
export async function holdWrites(stack: Poolers, seconds: number, wait: number): Promise<void> {
  const results = await Promise.all(
    members(stack).map((member) => {
      const command = ["pooler-hold", WRITER_DATABASE, String(seconds), String(wait)];
      return stack.platform.exec(member, command, wait * 1_000 + ASK_MILLISECONDS);
    }),
  );
  const failed = results.find(({ code }) => code !== 0);
  if (!failed) return;
  await releaseWrites(stack);
  throw new Failure(
    `The pooler could not hold the writes: ${failed.stderr.trim() || "no answer"}. Nothing was changed. ` +
      "See which transactions are open (pg_stat_activity), end them or wait, and repeat.",
  );
}

/** Lets held writes go; without effect where none are held. Returns how many poolers held any. */
export async function releaseWrites(stack: Poolers): Promise<number> {
  const results = await Promise.all(
    members(stack).map((member) =>
      stack.platform.exec(member, ["pooler-release", WRITER_DATABASE], ASK_MILLISECONDS),
    ),
  );
  return results.filter(({ stdout }) => stdout.includes("released")).length;
}

/** Makes the pooler open its sessions to the readers anew, each at the end of its transaction. */
export async function renewReaders(stack: Poolers): Promise<void> {
  await Promise.all(
    members(stack).map((member) =>
      stack.platform.exec(member, ["pgbouncer-ask", `RECONNECT ${READER_DATABASE}`], ASK_MILLISECONDS),
    ),
  );
}

/** Ends what a command that was killed has left behind; returns a sentence for each thing. */
export async function repairLeftovers(stack: Poolers): Promise<string[]> {
  const released = await releaseWrites(stack);
  return released > 0 ? ["An earlier command was cut off and had left the writes held: they go on now."] : [];
}
