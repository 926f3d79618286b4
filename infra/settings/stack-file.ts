import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { parseConfiguration } from "./parse.ts";
import type { Settings } from "./schema.ts";

/** What the engine reads in a stack file. */
const ENGINE_KEYS = ["config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"];

/**
 * The settings in a stack file, for the commands that run before or beside Pulumi.
 *
 * @param stack for example `dev`: `Pulumi.dev.yaml` is read
 * @throws SettingsError as {@link parseConfiguration} does; the file system's error where there is no such file
 */
export function readStackFile(stack: string, directory = process.cwd()): Settings {
  const text = readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8");
  const document = (parseYaml(text) ?? {}) as { config?: Record<string, unknown> };
  const unread = Object.keys(document).filter((key) => !ENGINE_KEYS.includes(key));
  const issues = unread.map((key) => ({
    path: key,
    foreign: true,
    reason: `is read by nobody at the top of the file, which has ${ENGINE_KEYS.join(", ")}; settings stand below "config:"`,
  }));
  return parseConfiguration(stack, document.config ?? {}, issues);
}
