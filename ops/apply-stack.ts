import { join } from "node:path";
import { ROOT } from "../tools/layout.ts";
import { mustRun } from "../tools/process.ts";
import { Progress } from "../tools/setup/progress.ts";
import { ensureLocalState, pulumiEnvironment } from "../tools/stack/local-state.ts";
import { releaseStaleLock } from "../tools/stack/lock.ts";
import { Pulumi } from "../tools/stack/pulumi.ts";
import { resourcesOf, type StateResource } from "../tools/stack/snapshot.ts";
import { takeTurn } from "../tools/stack/turn.ts";

/**
 * Brings the stack to what its file and its state say, as a person does: an interrupted one is completed by the next. Whatever
 * the ledger holds stays as it is: an empty one is filled by a person's `npm run up` alone.
 */
export async function applyStack(stack: string, say: (line: string) => void): Promise<void> {
  const command = [join(ROOT, "tools/up.ts"), "--stack", stack, "--data", "none"];
  await mustRun(process.execPath, command, { cwd: ROOT, onLine: say });
}

/** Resources of a type that are in force; those that a replacement has left behind are not. */
export async function resourcesInForce(stack: string, type: string): Promise<StateResource[]> {
  const snapshot = await new Pulumi(stack, pulumiEnvironment(stack)).export();
  return resourcesOf(snapshot).filter((resource) => resource.type === type && !resource.delete);
}

/** Notes in the state that these are to be made anew: the next `up` does that, whoever runs it. */
export function markForRenewal(stack: string, urns: readonly string[]): Promise<void> {
  return onState(stack, ["state", "taint", "--yes", "--stack", stack, ...urns]);
}

/** Looks whether these are still there: those that are not leave the state, and the next `up` makes them anew. */
export function forgetResources(stack: string, urns: readonly string[]): Promise<void> {
  const targets = urns.flatMap((urn) => ["--target", urn]);
  const quiet = ["--yes", "--skip-preview", "--suppress-outputs"];
  return onState(stack, ["refresh", ...quiet, "--stack", stack, ...targets]);
}

/** Runs a command of the engine on a state that nobody else works with meanwhile. */
async function onState(stack: string, command: readonly string[]): Promise<void> {
  const pulumi = new Pulumi(stack, pulumiEnvironment(stack));
  const leaveTurn = await takeTurn();
  try {
    // The answer goes to standard output.
    await new Progress(process.stderr).step("state", async (step) => {
      ensureLocalState(stack, pulumi.environment);
      await releaseStaleLock(step, pulumi);
    });
    await pulumi.mustRun(command);
  } finally {
    leaveTurn();
  }
}
