import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { writeSetting } from "../../tools/stack/settings.ts";
import { applyStack } from "../apply-stack.ts";
import type { Connection } from "../connection.ts";
import { readConnection } from "../connection-store.ts";
import type { Outcome, Task } from "../define-command.ts";
import { Refusal } from "../refusal.ts";
import type { RunningStack } from "../running-stack.ts";
import type { Credential, RotateOptions } from "./credential.ts";

/** Passwords that a setting numbers, the one in use last. */
export interface NumberedPasswords {
  /** As it is called on the command line. */
  readonly name: string;
  /** As {@link Credential.summary}. */
  readonly summary: string;
  /** Where the numbers stand below `dujyo:`, such as `["redis", "passwords"]`. */
  readonly setting: readonly [section: string, key: string];
  readonly numbersOf: (stack: RunningStack) => readonly number[];
  /**
   * Asks those who check passwords.
   *
   * @param inUse the passwords that clients have now
   * @param before those that they had when the command began
   * @param withdrawn whether those of before are to be refused, where they are others
   * @returns what was asked, as the object of a sentence
   * @throws Failure naming who refuses what it should take, or takes what it should refuse
   */
  readonly check: (inUse: Connection, before: Connection, withdrawn: boolean) => Promise<string>;
}

/**
 * The lists of numbers that lead through a rotation, each to be applied before the next. The first is the present one where a
 * step was begun before, and may have been cut off.
 *
 * @throws Refusal of a finish where the new password is not in use
 */
export function listsOf(numbers: readonly number[], finish: boolean): readonly (readonly number[])[] {
  const newest = Math.max(...numbers);
  const inUse = Number(numbers.at(-1));
  if (!finish) {
    if (numbers.length === 1)
      return [
        [newest + 1, newest],
        [newest, newest + 1],
      ];
    return inUse === newest ? [numbers] : [numbers, numbers.toReversed()];
  }
  if (inUse !== newest)
    throw new Refusal(
      `Password ${newest} is not in use yet. Repeat without --finish first: it completes that.`,
    );
  return numbers.length === 1 ? [numbers] : [numbers, [newest]];
}

async function rotate(
  kind: NumberedPasswords,
  { stack, options: { finish }, dryRun, say }: Task<RotateOptions>,
): Promise<Outcome> {
  const file = `Pulumi.${stack.name}.yaml`;
  const setting = kind.setting.join(".");
  const lists = listsOf(kind.numbersOf(stack), finish);
  const written = lists.map((numbers) => `[${numbers.join(", ")}]`).join(", then ");
  if (dryRun)
    return {
      text: `Would set ${setting} in ${file} to ${written}, applied each time, and ask who checks them.`,
      data: { setting, lists },
    };
  const started = Date.now();
  const before = await stack.connection();
  let asked = "";
  let numbers: readonly number[] = [];
  for (numbers of lists) {
    say(`${setting}: [${numbers.join(", ")}]`);
    writeSetting(stack.name, kind.setting, numbers);
    await applyStack(stack.name, say);
    const inUse = await readConnection(stack.name, pulumiEnvironment(stack.name));
    asked = await kind.check(inUse, before, numbers.length === 1);
  }
  const seconds = Math.round((Date.now() - started) / 1_000);
  const [former, used] = numbers.length > 1 ? numbers : [undefined, numbers[0]];
  return {
    text: [
      `After ${seconds} s: passwords ${used} are in use and taken by ${asked}${former === undefined ? ", and no others" : ` beside passwords ${former}`}.`,
      `${file} has ${setting} [${numbers.join(", ")}] now: keep that.`,
      ...(former === undefined
        ? []
        : [
            `When clients outside of the stack have the new ones ("npm run connect"): "npm run ops -- rotate ${kind.name} --finish".`,
          ]),
    ].join("\n"),
    data: { numbers, seconds },
  };
}

/** The rotation of passwords that a setting numbers: a new one is made known, then taken up; `--finish` withdraws the former. */
export function passwordRotation(kind: NumberedPasswords): Credential {
  const setting = kind.setting.join(".");
  return {
    summary: kind.summary,
    finishes: true,
    onKubernetes: ({ stack, options: { finish } }) => {
      const lists = listsOf(kind.numbersOf(stack), finish).map((numbers) => `[${numbers.join(", ")}]`);
      return (
        `Set ${setting} in Pulumi.${stack.name}.yaml to ${lists.join(", then to ")}, each followed by ` +
        `"npm run up -- --stack ${stack.name}": members are replaced one by one.`
      );
    },
    rotate: (task) => rotate(kind, task),
  };
}
