import { type KeyRing, keyRing } from "../../tools/data/personal-fields.ts";
import { Failure } from "../../tools/failure.ts";
import { writeSetting } from "../../tools/stack/settings.ts";
import { applyStack } from "../apply-stack.ts";
import type { Outcome, Task } from "../define-command.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";
import { Refusal } from "../refusal.ts";
import { openStack, type RunningStack } from "../running-stack.ts";
import type { Session } from "../users/accounts.ts";
import { countFormer, type Reencrypted, reencrypt } from "../users/reencrypt.ts";
import type { Credential, RotateOptions } from "./credential.ts";
import { keysAfter } from "./numbered-keys.ts";

const fileOf = ({ name }: RunningStack) => `Pulumi.${name}.yaml`;

/** Works on users as the schema's owner does, with the keys that are in the stack's state. */
async function withUsers<T>(
  { name }: RunningStack,
  work: (session: Session, keys: KeyRing) => Promise<T>,
): Promise<T> {
  const connection = await (await openStack(name)).connection();
  return withSession(sessionOptions(connection, connection.writer, "owner"), (session) =>
    work(session, keyRing(connection.personalKeys)),
  );
}

/** Makes the setting true, so that the state has these keys and no others. */
async function put(stack: RunningStack, keys: readonly number[], say: (line: string) => void): Promise<void> {
  writeSetting(stack.name, ["ledger", "personalKeys"], keys);
  await applyStack(stack.name, say);
}

async function rotate({ stack, options: { finish }, dryRun, say }: Task<RotateOptions>): Promise<Outcome> {
  const before = stack.settings.ledger.personalKeys;
  const keys = keysAfter(before, finish);
  if (dryRun) return plan(stack, before, keys);
  return finish ? withdraw(stack, before, keys, say) : replaceKey(stack, keys, say);
}

async function plan(
  stack: RunningStack,
  before: readonly number[],
  keys: readonly number[],
): Promise<Outcome> {
  const newest = Number(keys.at(-1));
  const rows = await withUsers(stack, (session, ring) => countFormer(session, { ...ring, newest }));
  const change =
    keys.join() === before.join()
      ? `${fileOf(stack)} says already what this step leads to, ledger.personalKeys [${keys.join(", ")}]`
      : `Would change ledger.personalKeys in ${fileOf(stack)} from [${before.join(", ")}] to [${keys.join(", ")}]`;
  return {
    text: `${change}. ${rows} users are under another key than ${newest}, and would be encrypted anew.`,
    data: { before, keys, rows },
  };
}

/** A new key beside the former, and all rows under it. */
async function replaceKey(
  stack: RunningStack,
  keys: readonly number[],
  say: (line: string) => void,
): Promise<Outcome> {
  await put(stack, keys, say);
  say("encrypting the users' fields anew");
  const started = Date.now();
  const done = await withUsers(stack, reencrypt);
  const seconds = Math.round((Date.now() - started) / 1_000);
  const [former, newest] = keys;
  const left =
    done.left === 0
      ? `No row is under key ${former} any more.`
      : `${done.left} rows are under key ${former} still or again: somebody goes on to write with it, or holds them.`;
  return {
    text: [
      `Encrypted ${done.rows} users anew under key ${newest} in ${seconds} s. ${left}`,
      `${fileOf(stack)} has ledger.personalKeys [${keys.join(", ")}] now: keep that.`,
      'When every program that writes personal fields has the new keys ("npm run connect" writes personal-keys.json), and no ' +
        'backup is needed that is older than this: "npm run ops -- rotate personal-fields --finish".',
    ].join("\n"),
    data: { keys, ...done, seconds },
  };
}

/** Takes the former key out of the state, once no row is under it. */
async function withdraw(
  stack: RunningStack,
  before: readonly number[],
  keys: readonly number[],
  say: (line: string) => void,
): Promise<Outcome> {
  // One that was cut off has looked at the rows before it changed the file; the former key may be gone by now.
  const done: Reencrypted =
    before.length > 1 ? await withUsers(stack, reencrypt) : { rows: 0, left: await rowsLeft(stack) };
  if (done.left > 0)
    throw before.length > 1
      ? new Refusal(
          `${done.left} rows are under key ${before[0]} still or again: somebody goes on to write with it, or holds them. Give ` +
            'every program the new keys ("npm run connect" writes personal-keys.json), and repeat.',
        )
      : new Failure(`${done.left} rows are under a key that ${fileOf(stack)} does not name.`);
  await put(stack, keys, say);
  return {
    text: [
      `Only key ${keys[0]} is there, and every row is under it; ${done.rows} were encrypted anew for that.`,
      `${fileOf(stack)} has ledger.personalKeys [${keys.join(", ")}] now: keep that.`,
    ].join("\n"),
    data: { keys, ...done },
  };
}

const rowsLeft = (stack: RunningStack) => withUsers(stack, countFormer);

export const personalFields: Credential = {
  summary:
    "The users' personal fields are encrypted anew under a new key while they are read and written, a batch at a time; " +
    "--finish withdraws the former key, once no row is under it. Each step writes ledger.personalKeys into the stack's file. The " +
    "key of the blind index stays.",
  finishes: true,
  rotate,
};
