import { writeSetting } from "../../tools/stack/settings.ts";
import { applyStack } from "../apply-stack.ts";
import type { Connection } from "../connection.ts";
import type { Outcome, Task } from "../define-command.ts";
import { Refusal } from "../refusal.ts";
import { openStack, type RunningStack } from "../running-stack.ts";
import type { Credential, RotateOptions } from "./credential.ts";

/** Passwords that a setting numbers, the ones in use last. */
export interface NumberedPasswords {
  /** As it is called on the command line. */
  readonly name: string;
  /** As {@link Credential.summary}. */
  readonly summary: string;
  /** Where the numbers stand below `dujyo:`, such as `["redis", "passwords"]`. */
  readonly setting: readonly [section: string, key: string];
  readonly numbersOf: (stack: RunningStack) => readonly number[];
  /** Whether the former ones are taken out by a step of its own, since clients outside of the stack may still use them. */
  readonly finishes: boolean;
  /**
   * Asks those who check passwords whether they take what they should, and refuse what they should.
   *
   * @param inUse the passwords that clients have now
   * @param before those that they had when the command began
   * @param numbers what the setting is
   * @returns what was found, as a sentence
   * @throws Failure naming who answers otherwise
   */
  readonly check: (inUse: Connection, before: Connection, numbers: readonly number[]) => Promise<string>;
}

/**
 * The lists of numbers that lead through a step of a rotation, each to be applied before the next. The first is the present one
 * where the step was begun before, and may have been cut off.
 *
 * @param finishes whether the former number is taken out by a step of its own
 * @param finish whether this is that step
 * @throws Refusal of that step where the new number is not in use
 */
export function listsOf(
  numbers: readonly number[],
  finishes: boolean,
  finish: boolean,
): readonly (readonly number[])[] {
  const newest = Math.max(...numbers);
  const used = numbers.at(-1) === newest;
  if (finish && !used)
    throw new Refusal(
      `Number ${newest} is not in use yet. Repeat without --finish first, which completes that.`,
    );
  if (finish && numbers.length === 1) return [numbers];
  const made = numbers.length === 1 ? [[newest + 1, newest]] : [numbers];
  const taken = numbers.length > 1 && used ? [] : made.map((list) => list.toReversed());
  const alone = [Math.max(...made.flat())];
  return [...made, ...taken, ...(finish || !finishes ? [alone] : [])];
}

const written = (lists: readonly (readonly number[])[]) =>
  lists.map((numbers) => `[${numbers.join(", ")}]`).join(", then ");

/** Exported for its test. @throws Refusal where another site of the database has the same passwords */
export function refuseSharedPasswords({ name, settings }: Pick<RunningStack, "name" | "settings">): void {
  const { host } = settings.postgres.otherSite;
  if (host !== "")
    throw new Refusal(
      `The other site of the database (postgres.otherSite.host is ${host}) has the same passwords, and would be shut out. Give that ` +
        `site up, take postgres.otherSite out of Pulumi.${name}.yaml, run "npm run up -- --stack ${name}", and repeat. A site that is ` +
        "made after that takes the new ones along.",
    );
}

async function rotate(
  { name, setting: path, numbersOf, finishes, check }: NumberedPasswords,
  { stack, options: { finish }, dryRun, say }: Task<RotateOptions>,
): Promise<Outcome> {
  if (path[0] === "postgres") refuseSharedPasswords(stack);
  const file = `Pulumi.${stack.name}.yaml`;
  const setting = path.join(".");
  const lists = listsOf(numbersOf(stack), finishes, finish);
  if (dryRun)
    return {
      text: `Would set ${setting} in ${file} to ${written(lists)}, apply each, and ask who checks the passwords.`,
      data: { setting, lists },
    };
  const started = Date.now();
  const before = await stack.connection();
  let found = "";
  let numbers: readonly number[] = [];
  for (numbers of lists) {
    say(`${setting}: [${numbers.join(", ")}]`);
    writeSetting(stack.name, path, numbers);
    await applyStack(stack.name, say);
    const inUse = await (await openStack(stack.name)).connection();
    found = await check(inUse, before, numbers);
  }
  const seconds = Math.round((Date.now() - started) / 1_000);
  return {
    text: [
      `After ${seconds} s: ${found}.`,
      `${file} has ${setting} ${written([numbers])} now: keep that.`,
      ...(numbers.length > 1
        ? [
            `When clients outside of the stack have the new ones ("npm run connect"): "npm run ops -- rotate ${name} --finish".`,
          ]
        : []),
    ].join("\n"),
    data: { numbers, seconds },
  };
}

/** The rotation of passwords that a setting numbers: new ones are made known, then used, then the former are taken out. */
export function passwordRotation(kind: NumberedPasswords): Credential {
  return {
    summary: kind.summary,
    finishes: kind.finishes,
    rotate: (task) => rotate(kind, task),
  };
}
