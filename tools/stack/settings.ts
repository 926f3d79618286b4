import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../../infra/settings/schema.ts";
import { parseStackFile } from "../../infra/settings/stack-file.ts";
import { Failure } from "../failure.ts";
import { ROOT } from "../layout.ts";
import { stackConfig } from "./local-state.ts";

/**
 * The settings of a stack of this project.
 *
 * @throws Failure naming the stacks there are, or everything that is wrong with the settings
 */
export function stackSettings(stack: string): Settings {
  if (!existsSync(join(ROOT, `Pulumi.${stack}.yaml`))) {
    const stacks = readdirSync(ROOT).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    throw new Failure(`There is no stack "${stack}"; there are: ${stacks.join(", ")}.`);
  }
  try {
    return parseStackFile(stack, stackConfig(stack));
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error));
  }
}
