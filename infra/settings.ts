import * as pulumi from "@pulumi/pulumi";
import { parseConfiguration } from "./settings/parse.ts";
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

/**
 * The settings of the stack that Pulumi is working on. The program reads configuration nowhere else.
 *
 * @throws pulumi.RunError listing everything that is wrong with them
 */
export function loadSettings(): Settings {
  const all = Object.entries(pulumi.runtime.allConfig());
  const values = Object.fromEntries(all.map(([key, text]) => [key, fromConfigText(String(text))]));
  try {
    const settings = parseConfiguration(pulumi.getStack(), values);
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
