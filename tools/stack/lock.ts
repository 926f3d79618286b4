import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, sep } from "node:path";
import { Failure } from "../failure.ts";
import { ENGINE_BIN, PULUMI_HOME } from "../layout.ts";
import { isAlive } from "../process.ts";
import type { Step } from "../setup/progress.ts";
import { removeCutOffWrites } from "./cut-off-writes.ts";
import type { Pulumi } from "./pulumi.ts";

/** Who holds the state. */
export interface Holder {
  readonly pid: number;
  readonly hostname: string;
}

/** Longest wait for another run to end. */
const WAIT_MINUTES = 20;

/**
 * A run that was killed leaves its lock in the state, and its engine may go on for a while by itself: waits for a living
 * holder, removes the lock of a dead one and what it had half written. Only the backend in a local folder says who holds it.
 *
 * Whether a process of another machine lives can not be seen from here: the way out is told at once.
 *
 * @throws Failure where a living holder does not end, with the way out
 */
export async function releaseStaleLock(step: Step, pulumi: Pulumi): Promise<void> {
  const url = pulumi.environment.PULUMI_BACKEND_URL ?? process.env.PULUMI_BACKEND_URL ?? "";
  if (!url.startsWith("file://")) return;
  const backend = join(url.slice("file://".length).replace(/^~/, process.env.HOME ?? "~"), ".pulumi");
  const folder = join(backend, "locks");
  const deadline = Date.now() + WAIT_MINUTES * 60_000;
  let told = false;
  for (;;) {
    const holders = holdersOf(folder, pulumi.stack);
    const living = holders.find((holder) => holder.hostname !== hostname() || isEngine(holder.pid));
    if (!living) {
      const removed = removeCutOffWrites(backend, pulumi.stack);
      if (removed.length > 0) step.note(`removing what a killed run has half written: ${removed.join(", ")}`);
      if (holders.length === 0) return;
      step.note("removing the lock of a run that was killed");
      await pulumi.mustRun(["cancel", "--yes", "--stack", pulumi.stack]);
      return;
    }
    const who = `process ${living.pid} on ${living.hostname}`;
    const away = living.hostname !== hostname();
    if (away && !told) step.note(`waiting for another run (${who}). ${wayOut(pulumi.stack, url)}`);
    told = true;
    if (Date.now() > deadline)
      throw new Failure(
        `Another run (${who}) has held the state ${url} for ${WAIT_MINUTES} minutes. ` +
          (away ? wayOut(pulumi.stack, url) : `End it ("kill ${living.pid}") and repeat.`),
      );
    step.line(`waiting for another run (${who}) to end`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** How to take the lock from a run on another machine, or on this one under another name. */
export function wayOut(stack: string, url: string): string {
  return (
    "If that run is over, take its lock away and repeat:\n" +
    `  PULUMI_HOME='${PULUMI_HOME}' PULUMI_BACKEND_URL='${url}' '${join(ENGINE_BIN, "pulumi")}' cancel --yes --stack ${stack}`
  );
}

/** Holders of a stack's locks; a lock that is gone or half written while it is read does not count. */
export function holdersOf(folder: string, stack: string): Holder[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true }).map(String);
  return files
    .filter((file) => file.endsWith(".json") && file.split(sep).includes(stack))
    .flatMap((file) => {
      try {
        return [JSON.parse(readFileSync(join(folder, file), "utf8")) as Holder];
      } catch {
        return [];
      }
    });
}

/** Whether a process lives and is an engine: its number may have gone to another program since. */
function isEngine(pid: number): boolean {
  if (!isAlive(pid)) return false;
  const name = `/proc/${pid}/comm`;
  return !existsSync(name) || readFileSync(name, "utf8").startsWith("pulumi");
}
