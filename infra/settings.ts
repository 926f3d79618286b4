import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { plaintextKeyIssues } from "./settings/backup-secrets.ts";
import { plaintextIdentityIssues } from "./settings/identity.ts";
import { ownKeys, parseConfiguration } from "./settings/parse.ts";
import { plaintextIssues } from "./settings/receiver-secrets.ts";
import { RECOVERY_PROFILES, worstNodeLoss, worstPostgresCrash } from "./settings/recovery.ts";
import type { Settings } from "./settings/schema.ts";
import { fromConfigText, keysThatDiffer } from "./settings/stack-file.ts";

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
  const all = Object.entries(pulumi.runtime.allConfig());
  const values = Object.fromEntries(all.map(([key, text]) => [key, fromConfigText(String(text))]));
  try {
    const own = ownKeys(values) as Record<string, object>;
    const inPlainText = (key: string) => (isSecret(`dujyo:${key}`) ? [] : Object.keys(own[key] ?? {}));
    const settings = parseConfiguration(pulumi.getStack(), values, [
      ...plaintextIssues(inPlainText("receiverSecrets")),
      ...plaintextKeyIssues(inPlainText("backupSecrets")),
      ...plaintextIdentityIssues(inPlainText("postgresIdentity"), false),
    ]);
    printRecoveryTimes(settings);
    return settings;
  } catch (error) {
    throw new pulumi.RunError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Plain `pulumi` reads a copy of the stack's file, since the engine writes its salt and the secrets into what it reads.
 * Stops where the copy is not what the file says: what would be deployed is not what stands in the repository.
 *
 * @throws pulumi.RunError naming the keys that differ, and the way out
 */
export function refuseStaleSettings(): void {
  const stack = pulumi.getStack();
  const file = `Pulumi.${stack}.yaml`;
  const given = ownKeys(pulumi.runtime.allConfig()) as Record<string, string>;
  const keys = keysThatDiffer(readFileSync(join(import.meta.dirname, "..", file), "utf8"), given);
  if (keys.length === 0) return;
  throw new pulumi.RunError(
    `the engine's configuration is not what ${file} says; nothing was changed. It differs in ` +
      `${keys.map((key) => `dujyo:${key}`).join(", ")}. Settings are changed in ${file} (secrets alone with ` +
      `"pulumi config set --secret"); then run "npm run connect -- --stack ${stack}", which takes the file over ` +
      "into the engine's copy, and repeat",
  );
}

function printRecoveryTimes({ postgres }: Settings): void {
  const profile = RECOVERY_PROFILES[postgres.recovery];
  void pulumi.log.info(
    `recovery profile "${postgres.recovery}": worst case without a writable primary ${worstNodeLoss(profile)} s after a lost node, ` +
      `${worstPostgresCrash(profile)} s after a crash of PostgreSQL`,
  );
}
