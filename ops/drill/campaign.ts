import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../tools/data/random.ts";
import { writeWhole } from "../../tools/setup/place.ts";
import type { RunningStack } from "../running-stack.ts";
import { drillAccounts } from "./accounts.ts";
import type { Fault } from "./fault.ts";
import { FAULTS } from "./faults/index.ts";
import { removeWrites } from "./ledger.ts";
import { openInjector } from "./open-injector.ts";
import { drillFolder, runFault, type Skipped } from "./run-fault.ts";
import { type DrillReport, summarize } from "./summary.ts";
import type { Verdict } from "./verdict.ts";

/** One fault, once. */
export interface Turn {
  readonly fault: Fault;
  readonly round: number;
}

export interface CampaignArgs {
  readonly stack: RunningStack;
  readonly seed: number;
  /** Account that pays; by default the richest of an invented ledger. */
  readonly payer?: string;
  readonly say: (line: string) => void;
}

/** How many accounts are booked from at the same time. */
const ACCOUNTS = 2;

/** What a run has done so far; kept on disk so that a run that was cut off goes on. */
interface Progress {
  readonly seed: number;
  readonly started: string;
  readonly rounds: readonly Verdict[];
  readonly skipped: readonly Skipped[];
}

/** Rounds of a full run: more of those with a goal of their own. */
export function fullPlan(faults: readonly Fault[], rounds?: number): Turn[] {
  return faults.flatMap((fault) =>
    Array.from({ length: rounds ?? (hasOwnGoal(fault) ? 5 : 2) }, (_, index) => ({
      fault,
      round: index + 1,
    })),
  );
}

function hasOwnGoal({ goal = {} }: Fault): boolean {
  return Object.keys(goal).some((key) => key !== "readsAnswered");
}

/** Faults drawn by lot until the time is over; the same seed draws the same ones. */
export function* randomPlan(faults: readonly Fault[], seed: number, until: () => boolean): Generator<Turn> {
  const random = new Random(seed, "drill");
  for (let round = 1; !until(); round += 1) {
    const fault = faults[random.below(faults.length)];
    if (fault) yield { fault, round };
  }
}

/**
 * Drills one turn after the other.
 *
 * @param keep name under which progress is kept, so that the same call goes on after it was cut off
 */
export async function campaign(
  args: CampaignArgs,
  turns: Iterable<Turn>,
  keep?: string,
): Promise<DrillReport> {
  const { stack, say } = args;
  const file = keep === undefined ? undefined : join(drillFolder(stack.name), `${keep}.json`);
  const kept = file === undefined ? undefined : readProgress(file, args.seed);
  let progress: Progress = kept ?? {
    ...{ seed: args.seed, started: new Date().toISOString(), rounds: [], skipped: [] },
  };
  if (progress.rounds.length > 0)
    say(`going on with the run of ${progress.started}: ${progress.rounds.length} turns are done`);
  const facts = { recovery: stack.settings.postgres.recovery };
  const run = Date.now().toString(36);
  const accounts = await drillAccounts(stack, run, ACCOUNTS, args.payer);
  const injector = await openInjector(stack.name, stack.settings);
  try {
    for (const { fault, round } of turns) {
      if (progress.rounds.some((done) => done.fault === fault.name && done.round === round)) continue;
      if (progress.skipped.some((skipped) => skipped.fault === fault.name)) continue;
      say(`${fault.name}, round ${round}: ${fault.title}`);
      const result = await runFault(fault, { stack, injector, accounts, run, round });
      if ("reason" in result) {
        progress = { ...progress, skipped: [...progress.skipped, result] };
        say(`  left out: ${result.reason}`);
      } else {
        progress = { ...progress, rounds: [...progress.rounds, result] };
        say(`  ${describe(result)}`);
      }
      if (file) writeWhole(file, JSON.stringify(progress));
    }
  } finally {
    await removeWrites(stack).catch(() => undefined);
  }
  if (file) rmSync(file, { force: true });
  const goals = Object.fromEntries(FAULTS.map(({ name, goal }) => [name, goal]));
  return summarize({ ...facts, ...progress }, goals, progress.rounds, progress.skipped);
}

function readProgress(file: string, seed: number): Progress | undefined {
  try {
    const progress = JSON.parse(readFileSync(file, "utf8")) as Progress;
    return progress.seed === seed ? progress : undefined;
  } catch {
    return undefined;
  }
}

function describe(verdict: Verdict): string {
  const { by_path, read_outage_seconds, redundancy_restored_seconds, lost, acknowledged, broken } = verdict;
  return (
    `${acknowledged} acknowledged, ${lost.length} lost; write outage ${by_path.sql.write_outage_seconds.toFixed(1)} s ` +
    `(API ${by_path.api.write_outage_seconds.toFixed(1)} s), read outage ${read_outage_seconds.toFixed(1)} s, ` +
    `whole again after ${redundancy_restored_seconds?.toFixed(1) ?? "-"} s; ${broken.join("; ") || "promises held"}`
  );
}
