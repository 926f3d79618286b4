import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../../infra/settings/schema.ts";
import { parseStackFile, type StackFile } from "../../infra/settings/stack-file.ts";
import { Failure } from "../failure.ts";
import { ROOT } from "../layout.ts";
import { stackConfigFile } from "./local-state.ts";
import { mergeStackConfig } from "./stack-config.ts";

/** Names of the stacks of this project: those that have a file. */
export function stackNames(): string[] {
  return readdirSync(ROOT).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
}

/**
 * The stack file of a stack of this project, with the secrets that stand in the engine's copy alone.
 *
 * @throws Failure naming the stacks there are, or everything that is wrong with the settings
 */
export function stackFile(stack: string): StackFile {
  const file = join(ROOT, `Pulumi.${stack}.yaml`);
  if (!existsSync(file))
    throw new Failure(`There is no stack "${stack}"; there are: ${stackNames().join(", ")}.`);
  const copy = stackConfigFile(stack);
  const added = existsSync(copy) ? readFileSync(copy, "utf8") : "";
  try {
    return parseStackFile(stack, mergeStackConfig(readFileSync(file, "utf8"), added));
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error));
  }
}

/** The settings of a stack of this project; throws as {@link stackFile} does. */
export function stackSettings(stack: string): Settings {
  return stackFile(stack).settings;
}
