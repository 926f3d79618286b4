import * as pulumi from "@pulumi/pulumi";
import { ownKeys, parseSettings } from "./settings/parse.ts";
import { RECOVERY_PROFILES, worstNodeLoss, worstPostgresCrash } from "./settings/recovery.ts";
import type { Settings } from "./settings/schema.ts";

/** Configuration reaches the program as text; numbers, booleans and objects are JSON, anything else is the text itself. */
function fromConfigText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether the stack file holds the key encrypted. The SDK has the function and leaves it out of its types. */
function isSecret(key: string): boolean {
  return (pulumi.runtime as unknown as { isConfigSecret(key: string): boolean }).isConfigSecret(key);
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
    const plaintext = isSecret("dujyo:receiverSecrets") ? [] : Object.keys(values.receiverSecrets ?? {});
    const settings = parseSettings(pulumi.getStack(), values, plaintext);
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
