import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";
import { bothRoles, roleInTurn } from "../../infra/settings/member-roles.ts";
import { Failure } from "../../tools/failure.ts";
import type { Connection } from "../connection.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";
import { type Door, mustAnswer } from "./doors.ts";
import { passwordRotation } from "./passwords.ts";

/** Longest wait for all replicas to stream as the role in turn, seconds; Patroni reads its file once in a loop, of 10 s at most. */
const TAKEN_UP_SECONDS = 60;

const SUPERUSER: Door = {
  name: "the writer endpoint",
  role: "postgres",
  options: (connection) =>
    sessionOptions(connection, connection.writer, "owner", {
      ...{ user: "postgres", password: connection.postgresPasswords.superuser, database: "postgres" },
    }),
};

/** @throws Failure naming who streams as whom, where that is not every replica as `role` after {@link TAKEN_UP_SECONDS} */
async function mustStream(primary: Client, { postgres }: Connection, role: string): Promise<void> {
  const deadline = Date.now() + TAKEN_UP_SECONDS * 1_000;
  const members = postgres.map(({ host }) => host);
  for (;;) {
    const { rows } = await primary.query<{ member: string; role: string }>(
      "SELECT application_name AS member, usename AS role FROM pg_stat_replication WHERE application_name = ANY ($1)",
      [members],
    );
    if (rows.length === members.length - 1 && rows.every((row) => row.role === role)) return;
    if (Date.now() > deadline) {
      const found = rows.map((row) => `${row.member} as ${row.role}`).join(", ") || "none";
      throw new Failure(
        `Not all ${members.length - 1} replicas stream as ${role} after ${TAKEN_UP_SECONDS} s, but ${found}. The former role still ` +
          'lets them in. Look at "npm run status" and "npm run logs -- postgres", and repeat.',
      );
    }
    await pause(500);
  }
}

/** @throws Failure where others of the pairs may log in than those of `numbers` */
async function mustBeOpen(primary: Client, numbers: readonly number[]): Promise<void> {
  const pairs = ["dujyo_repl", "dujyo_rewind"];
  const { rows } = await primary.query<{ role: string }>(
    "SELECT rolname AS role FROM pg_roles WHERE rolcanlogin AND rolname = ANY ($1)",
    [pairs.flatMap(bothRoles)],
  );
  const found = rows.map(({ role }) => role).toSorted();
  const wanted = pairs.flatMap((role) => numbers.map((number) => roleInTurn(role, number))).toSorted();
  if (found.join() !== wanted.join())
    throw new Failure(`${found.join(", ")} may log in, instead of ${wanted.join(", ")}. Repeat.`);
}

export const postgresMemberPasswords = passwordRotation({
  name: "postgres-member-passwords",
  summary:
    "New passwords for the superuser, and for replication and rewinding, whose roles take turns: both let members in until all " +
    "replicas stream as the other one. Nothing is replaced.",
  setting: ["postgres", "memberPasswords"],
  numbersOf: ({ settings }) => settings.postgres.memberPasswords,
  // Nobody outside of the stack logs in with them.
  finishes: false,
  async check(inUse, before, numbers) {
    const role = roleInTurn("dujyo_repl", Number(numbers.at(-1)));
    await mustAnswer(inUse, [SUPERUSER], true);
    if (before.postgresPasswords.superuser !== inUse.postgresPasswords.superuser)
      await mustAnswer(before, [SUPERUSER], false);
    await withSession(SUPERUSER.options(inUse), async (primary) => {
      await mustStream(primary, inUse, role);
      await mustBeOpen(primary, numbers);
    });
    return `password ${numbers.at(-1)} opens the superuser's sessions, ${inUse.postgres.length - 1} replicas stream as ${role}, and no former one is taken`;
  },
});
