import type { Issue } from "./budgets.ts";

/** How a person gives the secrets of one setting, which has them by name. */
export interface GivenSecrets {
  /** Words on where and with which command one is set. */
  readonly setIt: (name: string) => string;
  /** The same for one that is needless. */
  readonly removeIt: (name: string) => string;
  /** What is wrong with those of these names, which a stack file holds in plain text. */
  readonly plaintextIssues: (names: readonly string[]) => Issue[];
}

/** @param at how the engine's command names one below the setting, such as `.key` */
export function givenSecrets(setting: string, at: (name: string) => string): GivenSecrets {
  const command = (how: string, name: string) =>
    `in the environment that "npm run connect" prints, with: pulumi config ${how} --path 'dujyo:${setting}${at(name)}'`;
  const setIt = (name: string) => command("set --secret", name);
  return {
    setIt,
    removeIt: (name) => command("rm", name),
    plaintextIssues: (names) =>
      names.map((name) => ({
        path: `${setting}.${name}`,
        reason: `stands in the stack file unencrypted; make another, remove this one there, and set it, ${setIt(name)}`,
      })),
  };
}
