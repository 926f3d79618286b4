import { createHash } from "node:crypto";
import { defineCommand, type Outcome, type Task } from "../define-command.ts";
import { differences, openBeside } from "../drill/beside.ts";
import { campaign, fullPlan, randomPlan } from "../drill/campaign.ts";
import { compare, formatComparison } from "../drill/comparison.ts";
import type { Turn } from "../drill/fault.ts";
import { FAULTS, faultNamed } from "../drill/faults/index.ts";
import type { Progress } from "../drill/ground.ts";
import { goals, goalsAlone, keepRun, whyNotKept } from "../drill/kept-runs.ts";
import { formatReport, summarize } from "../drill/summary.ts";
import { Refusal } from "../refusal.ts";
import { formatTable } from "../table.ts";

interface Options {
  readonly all: boolean;
  readonly random: boolean;
  readonly beside?: string;
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
    [
      "drill switchover postgres-killed node-gone node-frozen primary-cut --rounds 3 --beside dev-stock",
      "the same on the stack dev-stock, which is up on this engine, turn by turn; goes on if cut off. Exit code 0 only if the " +
        "first stack's promises held. Beside the recovery profile `stock` that includes what `fast` promises in its shares, and " +
        "three rounds of these or more faults are written to docs/drills.md",
    ],
  ],
  options: (command) =>
    command
      .option("--all", "every fault; a run that was cut off goes on where it was", false)
      .option("--random", "faults drawn by lot", false)
      .option("--beside <name>", "another stack, with which this one takes turns to be compared")
      .option("--seed <number>", "of the lot; default: from the clock, or 1 for a full run")
      .option("--minutes <minutes>", "how long to draw", "20")
      .option("--rounds <number>", "how often each fault happens")
      .option(
        "--payer <address>",
        "account that pays for the drill's transfers; on invented data the richest",
      ),
  run: async (task) => {
    if (task.dryRun) {
      const rows = FAULTS.map(({ name, hits, title }) => [name, hits, title]);
      return {
        text: formatTable(["fault", "hits", "what"], rows),
        data: FAULTS.map(({ name, hits, title }) => ({ name, hits, title })),
      };
    }
    const { args, options } = task;
    const seed = wholeNumber("--seed", options.seed) ?? (options.random ? Date.now() % 1_000_000 : 1);
    const turns = plan(args, options, seed);
    return options.beside === undefined
      ? await alone(task, seed, turns)
      : await besideAnother(task, options.beside, seed, turns);
  },
});

async function alone(
  { stack, options, say }: Task<Options>,
  seed: number,
  turns: Iterable<Turn>,
): Promise<Outcome> {
  const { payer, all, random, rounds } = options;
  const [run] = await campaign(
    { stacks: [stack], seed, payer, say },
    turns,
    all ? `full-run-${rounds ?? "default"}` : undefined,
  );
  if (!run) throw new Error("bug: a campaign on one stack has one outcome");
  const report = summarize(run, goalsAlone(run.recovery), run.rounds, run.skipped);
  if (stack.settings.target === "docker") {
    if (all) keepRun("docs/drills.json", report);
    if (random && minutesOf(options) >= MINUTES_KEPT) keepRun("docs/drills-random.json", report);
  }
  return { ok: report.kept, text: formatReport(report), data: report };
}

async function besideAnother(
  { stack, args, options, say }: Task<Options>,
  name: string,
  seed: number,
  turns: Iterable<Turn>,
): Promise<Outcome> {
  if (options.random) throw new Refusal("Faults drawn by lot are for one stack. Name faults, or use --all.");
  const other = await openBeside(stack, name, say);
  const [mine, theirs] = await campaign(
    { stacks: [stack, other], seed, payer: options.payer, say },
    turns,
    keepName(stack.name, name, args, options),
  );
  const comparison = compare(
    [mine, theirs] as [Progress, Progress],
    goals(),
    differences(stack.settings, other.settings),
  );
  const reason = whyNotKept(comparison);
  if (reason === undefined) keepRun("docs/drills-stock.json", comparison);
  else say(`not written to docs/drills.md: ${reason}`);
  return { ok: comparison.kept, text: formatComparison(comparison, [stack.name, name]), data: comparison };
}

/** Under which the progress of two stacks is kept: the same faults go on, whatever their number of rounds. */
function keepName(stack: string, other: string, names: readonly string[], { all, rounds }: Options): string {
  const faults = createHash("sha256").update(names.join(" ")).digest("hex").slice(0, 12);
  return `${all ? `full-run-${rounds ?? "default"}` : faults}-${stack}-beside-${other}`;
}

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

/** A run by lot is part of the documentation if it took as long as this. */
const MINUTES_KEPT = 20;
