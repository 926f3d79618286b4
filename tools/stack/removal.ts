import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LOCAL } from "../layout.ts";
import { run } from "../process.ts";
import { writeWhole } from "../setup/place.ts";
import type { Step } from "../setup/progress.ts";
import { deploy } from "./deploy.ts";
import { dockerObjects } from "./docker-objects.ts";
import { removeStackConfig } from "./local-state.ts";
import type { Pulumi } from "./pulumi.ts";

/** Noted before the first volume goes: half of a stack's volumes are worth nothing, and do not fit what is made anew. */
function mark(stack: string): string {
  return join(LOCAL, `removing-${stack}`);
}

/** Whether a removal of a stack with its data began and has not ended. */
export function isBeingRemoved(stack: string): boolean {
  return existsSync(mark(stack));
}

/**
 * Removes a stack with its volumes and the secrets that open them. One that is cut off is ended by the next command.
 *
 * @returns what the engine did
 */
export async function removeWithData(step: Step, pulumi: Pulumi): Promise<string> {
  writeWhole(mark(pulumi.stack), "");
  await killMembers(pulumi.stack);
  const summary = await deploy(step, pulumi, "destroy");
  // Without this option the engine would remove the stack's file with it.
  await pulumi.mustRun(["stack", "rm", pulumi.stack, "--yes", "--preserve-config"]);
  forget(pulumi.stack);
  return summary;
}

/** The last step of a removal. */
export function forget(stack: string): void {
  removeStackConfig(stack);
  rmSync(mark(stack), { force: true });
}

/**
 * Members hand over and write to disk when they are stopped, one after the other; all of it is for data that stays. One that
 * this misses, since it restarts just now, is the engine's to stop.
 */
async function killMembers(stack: string): Promise<void> {
  const { containers } = await dockerObjects(stack);
  const running = containers.filter(({ running }) => running).map(({ id }) => id);
  if (running.length > 0) await run("docker", ["kill", ...running]);
}
