import { defineCommand } from "../define-command.ts";
import { lockOperation } from "../operation-lock.ts";
import { Refusal } from "../refusal.ts";
import { certificates } from "../rotate/certificates.ts";
import type { Credential, RotateOptions } from "../rotate/credential.ts";
import { personalFields } from "../rotate/personal-fields.ts";
import { postgresMemberPasswords } from "../rotate/postgres-member-passwords.ts";
import { postgresPasswords } from "../rotate/postgres-passwords.ts";
import { redisPasswords } from "../rotate/redis-passwords.ts";
import { tokenKey } from "../rotate/token-key.ts";

/** What can be rotated, by the name that it is called by. Exported for its test. */
export const CREDENTIALS: Readonly<Record<string, Credential>> = {
  certificates,
  "personal-fields": personalFields,
  "postgres-member-passwords": postgresMemberPasswords,
  "postgres-passwords": postgresPasswords,
  "redis-passwords": redisPasswords,
  "token-key": tokenKey,
};
const NAMES = Object.keys(CREDENTIALS).join(", ");

export const command = defineCommand<RotateOptions>({
  usage: "rotate <credential>",
  summary: [
    "Replaces a credential by a new one, made by the program and kept in its state, while everything goes on. A repeat completes " +
      "what was cut off.",
    ...Object.entries(CREDENTIALS).map(([name, { summary }]) => `"${name}": ${summary}`),
  ].join("\n\n"),
  changes: true,
  // "npm run up", which it starts, takes the turn.
  alone: false,
  examples: [
    ["rotate certificates", "every certificate, from the same roots"],
    ["rotate postgres-passwords", "new ones for the roles of clients; the former are refused at its end"],
    ["rotate postgres-member-passwords", "those of the superuser, of replication and of rewinding"],
    ["rotate redis-passwords", "new ones for every user, the former stay valid"],
    ["rotate redis-passwords --finish", "the former are refused from now on"],
    ["rotate token-key", "a new key signs; tokens of the former one stay valid"],
    ["rotate token-key --dry-run", "which keys would be in force"],
    ["rotate token-key --finish", "tokens of the former key are refused from now on"],
    ["rotate token-key --finish --token-life 0", "at once: the former key is known to others"],
    ["rotate personal-fields", "a new key, and all users' fields under it"],
  ],
  options: (command) =>
    command
      .option("--finish", "withdraw the former one, where a rotation has two steps", false)
      .option("--token-life <seconds>", "longest life of the former key's tokens", "3600"),
  run: async (task) => {
    const { stack, args, options, dryRun } = task;
    const [name = ""] = args;
    const credential = CREDENTIALS[name];
    if (credential === undefined)
      throw new Refusal(`There is no credential "${name}" that can be rotated. There are: ${NAMES}.`);
    if (options.finish && !credential.finishes)
      throw new Refusal(`The rotation of ${name} has one step. Leave --finish away.`);
    if (!dryRun) lockOperation(stack.name, `ops rotate ${name}${options.finish ? " --finish" : ""}`);
    return credential.rotate(task);
  },
});
