import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse as parseYaml } from "yaml";
import { parseSettings } from "./settings/parse.ts";
import { RECOVERY_PROFILES, worstNodeLoss, worstPostgresCrash } from "./settings/recovery.ts";
import type { Settings } from "./settings/schema.ts";

const PROJECT = "dujyo";

function ownKeys(all: Record<string, unknown>): Record<string, unknown> {
  const own = Object.entries(all).filter(([key]) => key.startsWith(`${PROJECT}:`));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(PROJECT.length + 1), value]));
}

/** Configuration reaches the program as text; numbers, booleans and objects are JSON, anything else is the text itself. */
function fromConfigText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * The settings of the stack that Pulumi is working on. The program reads configuration nowhere else.
 *
 * @throws pulumi.RunError listing everything that is wrong with them
 */
export function loadSettings(): Settings {
  const given = ownKeys(pulumi.runtime.allConfig());
  const values = Object.fromEntries(
    Object.entries(given).map(([key, text]) => [key, fromConfigText(String(text))]),
  );
  try {
    const settings = parseSettings(pulumi.getStack(), values);
    printRecoveryTimes(settings);
    return settings;
  } catch (error) {
    throw new pulumi.RunError(error instanceof Error ? error.message : String(error));
  }
}

function printRecoveryTimes({ postgres }: Settings): void {
  const profile = RECOVERY_PROFILES[postgres.recovery];
  void pulumi.log.info(
    `recovery profile "${postgres.recovery}": worst case without a writable primary ${worstNodeLoss(profile)} s after a lost node, ` +
      `${worstPostgresCrash(profile)} s after a crash of PostgreSQL`,
  );
}

/**
 * The settings in a stack file, for the commands that run before or beside Pulumi.
 *
 * @param stack for example `dev`: `Pulumi.dev.yaml` is read
 * @throws SettingsError as {@link parseSettings} does; the file system's error where there is no such file
 */
export function readStackFile(stack: string, directory = process.cwd()): Settings {
  const text = readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8");
  const document = (parseYaml(text) ?? {}) as { config?: Record<string, unknown> };
  return parseSettings(stack, ownKeys(document.config ?? {}));
}
