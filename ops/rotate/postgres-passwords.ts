import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../../tools/failure.ts";
import { type Address, type Connection, LOGINS } from "../connection.ts";
import { type Login, sessionOptions, withSession } from "../postgres/session.ts";
import { passwordRotation } from "./passwords.ts";

/** Where a role logs in. */
interface Door {
  readonly name: string;
  readonly login: Login;
  readonly address: Address;
  readonly database: string;
}

/** Longest wait for a replica to have the new verifiers, seconds: it has them with the rest of what the primary wrote. */
const REPLAYED_SECONDS = 10;

function doors({ database, writer, reader, pooler }: Connection): readonly Door[] {
  const direct = (["owner", "app", "readonly", "monitoring"] as const).flatMap((login) => [
    { name: "the writer endpoint", login, address: writer, database },
    { name: "the reader endpoint", login, address: reader, database },
  ]);
  const pooled = (["app", "readonly", "monitoring"] as const).flatMap((login) =>
    [database, `${database}_ro`].map((name) => ({
      name: `the pooler's ${name}`,
      login,
      address: pooler,
      database: name,
    })),
  );
  return [...direct, ...pooled];
}

/** Why a door does not open; undefined where it does. */
async function closed(connection: Connection, door: Door): Promise<string | undefined> {
  try {
    const options = sessionOptions(connection, door.address, door.login, { database: door.database });
    await withSession(options, (client) => client.query("SELECT 1"));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * @param open whether the passwords are to open the doors, or none of them
 * @throws Failure naming the first that does otherwise for {@link REPLAYED_SECONDS}
 */
async function mustAnswer(connection: Connection, all: readonly Door[], open: boolean): Promise<void> {
  const deadline = Date.now() + REPLAYED_SECONDS * 1_000;
  for (const door of all)
    for (;;) {
      const why = await closed(connection, door);
      if ((why === undefined) === open) break;
      if (Date.now() > deadline)
        throw new Failure(
          open
            ? `${door.name} refuses the new password of ${LOGINS[door.login]} (${why}). Look at "npm run logs", and repeat.`
            : `${door.name} still takes the former password of ${LOGINS[door.login]}. Look at "npm run logs", and repeat.`,
        );
      await pause(200);
    }
}

export const postgresPasswords = passwordRotation({
  name: "postgres-passwords",
  summary:
    "New passwords for the owner, the API, its readers and the monitoring: the API knows them beside the former before the roles " +
    "have them. Members and clients run on; what watches is replaced. Roles of the members among each other keep theirs.",
  setting: ["postgres", "passwords"],
  numbersOf: ({ settings }) => settings.postgres.passwords,
  // A role has one: the former opens nothing as soon as the new one does.
  finishes: false,
  async check(inUse, before, numbers) {
    const all = doors(inUse);
    await mustAnswer(inUse, all, true);
    if (before.postgresPasswords.app !== inUse.postgresPasswords.app) await mustAnswer(before, all, false);
    return `passwords ${numbers.at(-1)} open ${all.length} kinds of session with the endpoints and the pooler, and no others do`;
  },
});
