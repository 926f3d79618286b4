import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/layout.ts";
import { writeWhole } from "../../tools/setup/place.ts";
import { defineCommand, type Task } from "../define-command.ts";
import { campaign, fullPlan, randomPlan, type Turn } from "../drill/campaign.ts";
import { FAULTS, faultNamed } from "../drill/faults/index.ts";
import { reportPage } from "../drill/report-page.ts";
import { type DrillReport, formatReport } from "../drill/summary.ts";
import { Refusal } from "../refusal.ts";
import { formatTable } from "../table.ts";

interface Options {
  readonly all: boolean;
  readonly random: boolean;
  readonly seed?: string;
  readonly minutes: string;
  readonly rounds?: string;
  readonly payer?: string;
}

export const command = defineCommand<Options>({
  usage: "drill [faults...]",
  summary:
    "Lets faults happen under readers and writers, heals them, and judges what clients saw: nothing acknowledged lost, nothing " +
    "unexpected, never two primaries, no read staler than promised. Exit code 0 only if every promise held. What is broken is " +
    "healed also if this command is killed.",
  changes: true,
  examples: [
    ["drill --dry-run", "the faults there are"],
    ["drill node-gone redis-lost", "these two"],
    [
      "drill --all",
      "all of them, five rounds of those with a goal, two of the rest; goes on if cut off; on Docker writes docs/drills.md",
    ],
    [
      "drill --random --seed 7 --minutes 20",
      "drawn by lot; 20 minutes and more are written to docs/drills.md, too",
    ],
  ],
  options: (command) =>
    command
      .option("--all", "every fault; a run that was cut off goes on where it was", false)
      .option("--random", "faults drawn by lot", false)
      .option("--seed <number>", "of the lot; default: from the clock, or 1 for a full run")
      .option("--minutes <minutes>", "how long to draw", "20")
      .option("--rounds <number>", "how often each fault happens")
      .option(
        "--payer <address>",
        "account that pays for the drill's transfers; on invented data the richest",
      ),
  run: async ({ stack, args, options, dryRun, say }) => {
    if (dryRun) {
      const rows = FAULTS.map(({ name, hits, title }) => [name, hits, title]);
      return {
        text: formatTable(["fault", "hits", "what"], rows),
        data: FAULTS.map(({ name, hits, title }) => ({ name, hits, title })),
      };
    }
    const seed = wholeNumber("--seed", options.seed) ?? (options.all ? 1 : Date.now() % 1_000_000);
    const turns = plan(args, options, seed);
    const report = await campaign(
      { stack, seed, payer: options.payer, say },
      turns,
      options.all ? `full-run-${options.rounds ?? "default"}` : undefined,
    );
    if (stack.settings.target === "docker") {
      if (options.all) keep(FULL_RUN, report);
      if (options.random && minutesOf(options) >= MINUTES_KEPT) keep(RANDOM_RUN, report);
    }
    return { ok: report.kept, text: formatReport(report), data: report };
  },
});

function plan(names: Task<Options>["args"], options: Options, seed: number): Iterable<Turn> {
  if ([names.length > 0, options.all, options.random].filter(Boolean).length !== 1)
    throw new Refusal(
      "Say what to drill: names of faults, or --all, or --random. --dry-run lists the faults.",
    );
  const rounds = wholeNumber("--rounds", options.rounds);
  if (options.all) return fullPlan(FAULTS, rounds);
  if (!options.random) return fullPlan(names.map(faultNamed), rounds ?? 1);
  const end = Date.now() + minutesOf(options) * 60_000;
  return randomPlan(FAULTS, seed, () => Date.now() > end);
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Refusal(`${option} is "${text}"; use a whole number.`);
  return Number(text);
}

function minutesOf({ minutes }: Options): number {
  return wholeNumber("--minutes", minutes) ?? MINUTES_KEPT;
}

const FULL_RUN = "docs/drills.json";
const RANDOM_RUN = "docs/drills-random.json";
/** A run by lot is part of the documentation if it took as long as this. */
const MINUTES_KEPT = 20;

/** The last runs are part of the documentation. */
function keep(place: string, report: DrillReport): void {
  writeWhole(join(ROOT, place), `${JSON.stringify(report, undefined, 2)}\n`);
  const full = readReport(FULL_RUN);
  if (full === undefined) return;
  const titles = Object.fromEntries(FAULTS.map(({ name, title }) => [name, title]));
  writeWhole(join(ROOT, "docs/drills.md"), reportPage(full, readReport(RANDOM_RUN), titles));
}

function readReport(place: string): DrillReport | undefined {
  const path = join(ROOT, place);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as DrillReport) : undefined;
}
