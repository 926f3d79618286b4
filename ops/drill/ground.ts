import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../tools/setup/place.ts";
import type { RunningStack } from "../running-stack.ts";
import { type DrillAccounts, drillAccounts } from "./accounts.ts";
import type { Turn } from "./fault.ts";
import type { Injector } from "./injector.ts";
import { removeWrites } from "./ledger.ts";
import { openInjector } from "./open-injector.ts";
import { drillFolder, runFault } from "./run-fault.ts";
import type { DrillReport } from "./summary.ts";
import type { Verdict } from "./verdict.ts";

/** What a run has done so far to one stack; kept on disk so that a run that was cut off goes on. */
export type Progress = Pick<DrillReport, "seed" | "started" | "recovery" | "rounds" | "skipped">;

export interface DrillGroundArgs {
  readonly stack: RunningStack;
  readonly seed: number;
  /** Account that pays; by default the richest of an invented ledger. */
  readonly payer?: string;
  /** Name under which progress is kept; without one it is not. */
  readonly keep?: string;
  readonly say: (line: string) => void;
}

/** How many accounts are booked from at the same time. */
const ACCOUNTS = 2;

/** A stack that is drilled, and what has been done to it. */
export class DrillGround {
  readonly #args: DrillGroundArgs;
  readonly #run: string;
  readonly #accounts: DrillAccounts;
  readonly #injector: Injector;
  readonly #file: string | undefined;
  #progress: Progress;

  private constructor(args: DrillGroundArgs, run: string, accounts: DrillAccounts, injector: Injector) {
    const { stack, seed, keep, say } = args;
    this.#args = args;
    this.#run = run;
    this.#accounts = accounts;
    this.#injector = injector;
    this.#file = keep === undefined ? undefined : join(drillFolder(stack.name), `${keep}.json`);
    const { recovery } = stack.settings.postgres;
    const kept = this.#file === undefined ? undefined : readProgress(this.#file);
    const goesOn = kept !== undefined && kept.seed === seed && kept.recovery === recovery;
    this.#progress = goesOn
      ? kept
      : { seed, recovery, started: new Date().toISOString(), rounds: [], skipped: [] };
    if (this.#progress.rounds.length > 0)
      say(
        `going on with the run of ${this.#progress.started}: ${this.#progress.rounds.length} turns are done`,
      );
  }

  /** @throws Refusal where nobody can pay for the drill's transfers; Failure where a cluster does not answer */
  static async open(args: DrillGroundArgs): Promise<DrillGround> {
    const { stack, payer } = args;
    const run = Date.now().toString(36);
    const accounts = await drillAccounts(stack, run, ACCOUNTS, payer);
    return new DrillGround(args, run, accounts, await openInjector(stack.name, stack.settings));
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Whether a turn has happened. */
  has({ fault, round }: Turn): boolean {
    return this.#progress.rounds.some((done) => done.fault === fault.name && done.round === round);
  }

  /** Lets a fault happen and notes the verdict; false where this stack or its machine does not permit it. */
  async drill({ fault, round }: Turn): Promise<boolean> {
    const { stack, say } = this.#args;
    const { skipped } = this.#progress;
    if (skipped.some((before) => before.fault === fault.name)) return false;
    say(`${fault.name}, round ${round}: ${fault.title}`);
    const result = await runFault(fault, {
      ...{ stack, round, injector: this.#injector, accounts: this.#accounts, run: this.#run },
    });
    const leftOut = "reason" in result;
    say(`  ${leftOut ? `left out: ${result.reason}` : describe(result)}`);
    this.#progress = leftOut
      ? { ...this.#progress, skipped: [...skipped, result] }
      : { ...this.#progress, rounds: [...this.#progress.rounds, result] };
    if (this.#file) writeWhole(this.#file, JSON.stringify(this.#progress));
    return !leftOut;
  }

  /** Takes the drill's own rows out of the database. */
  async close(): Promise<void> {
    await removeWrites(this.#args.stack).catch(() => undefined);
  }

  /** The run is over: the next one begins anew. */
  forget(): void {
    if (this.#file) rmSync(this.#file, { force: true });
  }
}

function readProgress(file: string): Progress | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Progress;
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
