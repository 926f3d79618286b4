import { setTimeout as pause } from "node:timers/promises";
import { type ClientConfig, DatabaseError } from "pg";
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

/** What is behind a door answers: that it opens, or that it does not. A session that breaks off says neither. */
type Answer = { readonly open: boolean | undefined; readonly why: string };

async function ask(options: ClientConfig): Promise<Answer> {
  try {
    await withSession(options, (client) => client.query("SELECT 1"));
    return { open: true, why: "" };
  } catch (error) {
    return { open: error instanceof DatabaseError ? false : undefined, why: (error as Error).message };
  }
}

/**
 * Logs in at each of them.
 *
 * @param open whether the connection's passwords are to open the doors, or none of them
 * @param patience longest wait at each of them, seconds
 * @throws Failure naming the first that does otherwise for so long, or breaks sessions off for as long
 */
export async function mustAnswer(
  connection: Connection,
  doors: readonly Door[],
  open: boolean,
  patience = REPLAYED_SECONDS,
): Promise<void> {
  for (const { name, role, options } of doors) {
    const deadline = Date.now() + patience * 1_000;
    for (;;) {
      const answer = await ask(options(connection));
      if (answer.open === open) break;
      if (Date.now() > deadline)
        throw new Failure(`${wrong(name, role, answer)}. Look at "npm run logs", and repeat.`);
      await pause(200);
    }
  }
}

function wrong(name: string, role: string, { open, why }: Answer): string {
  if (open === undefined) return `${name} does not say whether it takes ${role} (${why})`;
  return open
    ? `${name} still takes the former password of ${role}`
    : `${name} refuses the new password of ${role} (${why})`;
}
