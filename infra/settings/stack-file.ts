import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { parseConfiguration } from "./parse.ts";
import type { Settings } from "./schema.ts";

/**
 * The settings in a stack file, for the commands that run before or beside Pulumi.
 *
 * @param stack for example `dev`: `Pulumi.dev.yaml` is read
 * @throws SettingsError as {@link parseConfiguration} does; the file system's error where there is no such file
 */
export function readStackFile(stack: string, directory = process.cwd()): Settings {
  const text = readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8");
  const document = (parseYaml(text) ?? {}) as { config?: Record<string, unknown> };
  return parseConfiguration(stack, document.config ?? {});
}
