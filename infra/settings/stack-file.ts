import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { ownKeys, parseSettings } from "./parse.ts";
import type { Settings } from "./schema.ts";

/** What a stack file says, as it stands there. */
export interface StackFile {
  /** The keys below `dujyo:`, without the project's name in front. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly settings: Settings;
}

/**
 * A stack file, for the commands that run before or beside Pulumi.
 *
 * @param stack for example `dev`: `Pulumi.dev.yaml` is read
 * @throws SettingsError as {@link parseSettings} does; the file system's error where there is no such file
 */
export function openStackFile(stack: string, directory = process.cwd()): StackFile {
  const text = readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8");
  const document = (parseYaml(text) ?? {}) as { config?: Record<string, unknown> };
  const given = ownKeys(document.config ?? {});
  return { given, settings: parseSettings(stack, given) };
}

/** The settings alone; throws as {@link openStackFile} does. */
export function readStackFile(stack: string, directory = process.cwd()): Settings {
  return openStackFile(stack, directory).settings;
}
