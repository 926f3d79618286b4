import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { ownKeys, parseSettings } from "./parse.ts";
import type { Settings } from "./schema.ts";

/**
 * The settings in a stack file, for the commands that run before or beside Pulumi.
 *
 * @param stack for example `dev`: `Pulumi.dev.yaml` is read
 * @throws SettingsError as {@link parseSettings} does; the file system's error where there is no such file
 */
export function readStackFile(stack: string, directory = process.cwd()): Settings {
  return parseStackFile(stack, readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8"));
}

/**
 * The settings in the text of a stack file. Its secrets have to be encrypted.
 *
 * @throws SettingsError as {@link parseSettings} does
 */
export function parseStackFile(stack: string, text: string): Settings {
  const document = (parseYaml(text) ?? {}) as { config?: Record<string, unknown> };
  const given = ownKeys(document.config ?? {});
  const plaintext = Object.entries(given.receiverSecrets ?? {}).flatMap(([name, secret]) =>
    typeof secret === "string" ? [name] : [],
  );
  return parseSettings(stack, given, plaintext);
}
