import { join } from "node:path";
import type { Connection } from "../../ops/connection.ts";
import { readConnection } from "../../ops/connection-store.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, type Result, run } from "../../tools/process.ts";
import { Progress } from "../../tools/setup/progress.ts";
import { ensurePulumiEngine } from "../../tools/setup/pulumi-engine.ts";
import { ensureLocalState, pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { Pulumi } from "../../tools/stack/pulumi.ts";
import { STACK } from "./stack-settings.ts";

const upOf = (stack: string) => [join(ROOT, "tools/up.ts"), "--stack", stack];

/** `npm run up` on the test stack; returns what it printed. Throws with its last lines where it fails. */
export function up(stack = STACK, ...options: string[]): Promise<string> {
  return mustRun(process.execPath, [...upOf(stack), ...options], {
    cwd: ROOT,
    timeout: 900_000,
    onLine: (line) => console.log(`up| ${line}`),
  });
}

/** Sets secrets below a setting as a person does, before the next `npm run up` makes use of them. */
export async function setSecrets(
  setting: "backupSecrets" | "receiverSecrets",
  secrets: Record<string, string>,
  stack = STACK,
): Promise<void> {
  await new Progress().step("Pulumi engine", ensurePulumiEngine);
  const pulumi = new Pulumi(stack, pulumiEnvironment(stack));
  ensureLocalState(stack, pulumi.environment);
  if ((await pulumi.export()) === undefined) await pulumi.create();
  for (const [name, secret] of Object.entries(secrets))
    await pulumi.mustRun(
      ["config", "set", "--secret", "--path", `dujyo:${setting}.${name}`, "--stack", stack],
      {
        input: secret,
      },
    );
}

/** `npm run down` on the test stack; returns what it printed. Throws with its last lines where it fails. */
export function down(stack = STACK, ...options: string[]): Promise<string> {
  return mustRun(process.execPath, [join(ROOT, "tools/down.ts"), "--stack", stack, ...options], {
    cwd: ROOT,
    timeout: 300_000,
    onLine: (line) => console.log(`down| ${line}`),
  });
}

/** What an `up` prints at its end that had nothing to do. */
export const UNCHANGED = /^Pulumi: \d+ unchanged$/m;

/** The same, whatever its exit code. */
export function tryUp(stack = STACK): Promise<Result> {
  return run(process.execPath, upOf(stack), { cwd: ROOT, timeout: 900_000 });
}

/** What clients need, from the stack's outputs. */
export function stackConnection(stack = STACK): Promise<Connection> {
  return readConnection(stack, pulumiEnvironment(stack));
}
