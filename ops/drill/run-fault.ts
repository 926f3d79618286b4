import { mkdirSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { seconds } from "../../infra/lib/units.ts";
import { Failure } from "../../tools/failure.ts";
import { LOCAL } from "../../tools/layout.ts";
import { expectedMembers } from "../expected.ts";
import type { RunningStack } from "../running-stack.ts";
import { readStatus } from "../stack-status.ts";
import type { DrillAccounts } from "./accounts.ts";
import type { Fault } from "./fault.ts";
import { startGuard } from "./guard.ts";
import { HistoryLog, now, readHistory } from "./history.ts";
import type { Injector } from "./injector.ts";
import { foundWrites } from "./ledger.ts";
import { setScene } from "./scene.ts";
import { judge, type Verdict } from "./verdict.ts";
import { Workload } from "./workload.ts";

export interface RunFaultArgs {
  readonly stack: RunningStack;
  readonly injector: Injector;
  readonly accounts: DrillAccounts;
  /** Name of the run; with fault and round it names the writes and the log. */
  readonly run: string;
  readonly round: number;
}

/** A fault that was left out, and why. */
export interface Skipped {
  readonly fault: string;
  readonly reason: string;
}

/** Writes on each path before the fault, and after it until the heal. */
const STEADY_WRITES = 20;
const WRITING_SECONDS = 60;
/** Longest wait for all to be well after the heal. */
const RESTORE_SECONDS = 150;
/** Clients work on for so long after all is well. */
const AFTERMATH_MILLISECONDS = 3_000;

/** Folder of the logs of a stack's drills. */
export function drillFolder(stack: string): string {
  return join(LOCAL, "drills", stack);
}

/**
 * Lets one fault happen under readers and writers, heals it, waits until all is whole, and judges what clients saw.
 *
 * @returns why the fault is left out, where the machine does not permit it
 */
export async function runFault(fault: Fault, args: RunFaultArgs): Promise<Verdict | Skipped> {
  const { stack, injector, accounts, round } = args;
  await well(stack, RESTORE_SECONDS);
  const scene = await setScene(stack, injector);
  const reason = await fault.obstacle?.(scene);
  if (reason !== undefined) return { fault: fault.name, reason };

  const run = `${args.run}-${fault.name}-${round}`;
  const folder = drillFolder(stack.name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${run}.jsonl`);
  const log = await HistoryLog.create(path);
  const workload = await Workload.start({ stack, run, accounts, log });
  const guardDone = startGuard(stack.name);
  try {
    await writing(workload, WRITING_SECONDS, "before the fault");
    await log.append({ kind: "mark", what: "injected", at: now() });
    const heal = await fault.inject(scene);
    const held = pause(fault.hold * 1_000);
    if (fault.untilWriting !== false) await writing(workload, WRITING_SECONDS).catch(() => undefined);
    await held;
    await log.append({ kind: "mark", what: "healed", at: now() });
    await heal();
    const restored = await well(stack, RESTORE_SECONDS).then(
      () => true,
      () => false,
    );
    if (restored) await log.append({ kind: "mark", what: "restored", at: now() });
    await pause(AFTERMATH_MILLISECONDS);
  } catch (error) {
    await injector.healAll(stack.members);
    throw error;
  } finally {
    guardDone();
    await workload.stop();
    await log.close();
  }
  return judge(fault, round, {
    history: await readHistory(path),
    found: await foundWrites(
      stack,
      run,
      accounts.booked.map(({ address }) => address),
    ),
    staleness: seconds(stack.settings.cache.maxStaleness),
    primaryBefore: scene.primary.name,
    primaryAfter: (await stack.patroni.view()).leader,
    load: Math.round((loadavg()[0] as number) * 10) / 10,
  });
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until every path has some more writes acknowledged. */
async function writing(workload: Workload, limit: number, when = "after the fault"): Promise<void> {
  const paths = ["sql", "api"] as const;
  const goals = paths.map((path) => workload.acknowledged(path) + STEADY_WRITES);
  const deadline = Date.now() + limit * 1_000;
  while (paths.some((path, index) => workload.acknowledged(path) < (goals[index] as number))) {
    if (Date.now() > deadline) throw new Failure(`Clients could not write for ${limit} s ${when}.`);
    await pause(50);
  }
}

/** Waits until PostgreSQL is whole and then until every member is well. */
async function well(stack: RunningStack, limit: number): Promise<void> {
  const deadline = Date.now() + limit * 1_000;
  const expected = expectedMembers(stack.settings);
  await stack.patroni.whole(expected.quorumStandbys, limit);
  for (;;) {
    const status = await readStatus(stack.platform, expected);
    if (status.well) return;
    if (Date.now() > deadline)
      throw new Failure(`Not all is well after ${limit} s: ${status.problems.join("; ")}.`);
    await pause(500);
  }
}
