import { setTimeout as pause } from "node:timers/promises";
import type { ClientConfig } from "pg";
import { Failure } from "../../tools/failure.ts";
import type { Connection } from "../connection.ts";
import { withSession } from "../postgres/session.ts";

/** Where a role logs in. */
export interface Door {
  readonly name: string;
  readonly role: string;
  /** How, with the passwords of a connection. */
  readonly options: (connection: Connection) => ClientConfig;
}

/** Longest wait for a replica to have the new verifiers, seconds: it has them with the rest of what the primary wrote. */
const REPLAYED_SECONDS = 10;

/** Why a door does not open; undefined where it does. */
async function closed(options: ClientConfig): Promise<string | undefined> {
  try {
    await withSession(options, (client) => client.query("SELECT 1"));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Logs in at each of them.
 *
 * @param open whether the connection's passwords are to open the doors, or none of them
 * @throws Failure naming the first that does otherwise for {@link REPLAYED_SECONDS}
 */
export async function mustAnswer(
  connection: Connection,
  doors: readonly Door[],
  open: boolean,
): Promise<void> {
  const deadline = Date.now() + REPLAYED_SECONDS * 1_000;
  for (const { name, role, options } of doors)
    for (;;) {
      const why = await closed(options(connection));
      if ((why === undefined) === open) break;
      if (Date.now() > deadline)
        throw new Failure(
          open
            ? `${name} refuses the new password of ${role} (${why}). Look at "npm run logs", and repeat.`
            : `${name} still takes the former password of ${role}. Look at "npm run logs", and repeat.`,
        );
      await pause(200);
    }
}
