import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../../infra/settings/schema.ts";
import { openStackFile, type StackFile } from "../../infra/settings/stack-file.ts";
import { Failure } from "../failure.ts";
import { ROOT } from "../layout.ts";

/** Names of the stacks of this project: those that have a file. */
export function stackNames(): string[] {
  return readdirSync(ROOT).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
}

/**
 * The stack file of a stack of this project.
 *
 * @throws Failure naming the stacks there are, or everything that is wrong with the settings
 */
export function stackFile(stack: string): StackFile {
  if (!existsSync(join(ROOT, `Pulumi.${stack}.yaml`)))
    throw new Failure(`There is no stack "${stack}"; there are: ${stackNames().join(", ")}.`);
  try {
    return openStackFile(stack, ROOT);
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error));
  }
}

/** The settings of a stack of this project; throws as {@link stackFile} does. */
export function stackSettings(stack: string): Settings {
  return stackFile(stack).settings;
}
