import { type Address, type Connection, LOGINS } from "../connection.ts";
import { type Login, sessionOptions } from "../postgres/session.ts";
import { type Door, mustAnswer } from "./doors.ts";
import { passwordRotation } from "./passwords.ts";

function doors({ database, writer, reader, pooler }: Connection): readonly Door[] {
  const door = (name: string, login: Login, address: Address, database: string): Door => ({
    name,
    role: LOGINS[login],
    options: (connection) => sessionOptions(connection, address, login, { database }),
  });
  const direct = (["owner", "app", "readonly", "monitoring"] as const).flatMap((login) => [
    door("the writer endpoint", login, writer, database),
    door("the reader endpoint", login, reader, database),
  ]);
  const pooled = (["app", "readonly", "monitoring"] as const).flatMap((login) =>
    [database, `${database}_ro`].map((name) => door(`the pooler's ${name}`, login, pooler, name)),
  );
  return [...direct, ...pooled];
}

export const postgresPasswords = passwordRotation({
  name: "postgres-passwords",
  summary:
    "New passwords for the owner, the API, its readers and the monitoring: the API knows them beside the former before the roles " +
    "have them. Members and clients run on; what watches is replaced.",
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
