import { Command } from "commander";
import { Failure, runCommand } from "../../tools/failure.ts";
import { run } from "../../tools/process.ts";
import { canInstallPackages, installPackages } from "../../tools/setup/debian.ts";
import { Progress } from "../../tools/setup/progress.ts";
import { writeCapacity } from "./capacity/files.ts";
import type { Comparison } from "./comparison.ts";
import { COMPARISONS } from "./comparisons/index.ts";
import { type InterleaveArgs, interleave } from "./interleave.ts";
import { load, machine, versions } from "./machine.ts";
import { section, valueText } from "./report/markdown.ts";
import { type Result, readResult, writeResult } from "./report.ts";
import { type BenchStack, withStack } from "./stack.ts";
import { judge, regression } from "./verdict.ts";

type Extent = Omit<InterleaveArgs, "variants">;

/** Long enough that compilation and garbage collection even out, short enough that a comparison takes a minute or two. */
const FULL: Extent = { rounds: 5, seconds: 3, warmUpSeconds: 3 };
const QUICK: Extent = { rounds: 3, seconds: 2, warmUpSeconds: 2 };
const TRIAL: Extent = { rounds: 1, seconds: 3, warmUpSeconds: 3 };

interface Options {
  readonly quick: boolean;
  readonly trial: boolean;
  readonly keep: boolean;
  readonly seconds?: number;
}

const ON_REQUEST = COMPARISONS.flatMap(({ name, onRequest }) =>
  onRequest === undefined ? [] : `${name} (${onRequest})`,
).join(", ");

const command = new Command("bench")
  .description("Measures variants side by side on a stack of its own, and writes docs/benchmarks/.")
  .argument(
    "[names...]",
    `which comparisons: ${COMPARISONS.map(({ name }) => name).join(", ")}; if none is named, all but those on request: ${ON_REQUEST}`,
  )
  .option("--seconds <number>", "of each measurement, instead of each comparison's own", readSeconds)
  .option(
    "--quick",
    "shorter; writes nothing, compares ratios with the committed ones and fails beyond their spread",
    false,
  )
  .option(
    "--trial",
    "one short round, of p8 on a smaller ledger; writes nothing: shows that a comparison works, not what it measures",
    false,
  )
  .option("--keep", "leave the stack running for the next time", false);

await runCommand(async () => {
  const { quick, trial, keep, seconds } = command.parse().opts<Options>();
  const chosen = choose(command.args);
  if (quick) for (const { name } of chosen) committedResult(name);
  await ensureWrk();
  return await withStack(keep, async (stack) => {
    const wrong: string[] = [];
    for (const comparison of chosen) {
      process.stdout.write(`\n== ${comparison.name}: ${comparison.title}\n`);
      const extent = extentOf(comparison, { quick, trial, seconds });
      // One that measures something else than it should has no result; the others still have theirs.
      const result = await measure(comparison, stack, extent, trial).catch((error: Error) => {
        wrong.push(`${comparison.name} has no result: ${error.message}`);
        return undefined;
      });
      if (result === undefined) continue;
      for (const verdict of result.verdicts)
        process.stdout.write(
          `${verdict.reached ? "reached" : "MISSED "} ${verdict.what}: ${valueText(verdict)}\n`,
        );
      if (trial) process.stdout.write(`${section(result)}\n`);
      else if (quick) wrong.push(...regressions(result).map((line) => `worse than committed: ${line}`));
      else {
        process.stdout.write(`written to ${await writeResult(result)}\n`);
        if (result.name === "p9") writeCapacity(result);
      }
    }
    for (const line of wrong) process.stderr.write(`${line}\n`);
    return wrong.length > 0 ? 1 : 0;
  });
});

function choose(names: readonly string[]): readonly Comparison[] {
  const known = COMPARISONS.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Failure(`No comparison is called ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  return names.length === 0
    ? COMPARISONS.filter(({ onRequest }) => onRequest === undefined)
    : COMPARISONS.filter(({ name }) => names.includes(name));
}

function extentOf(comparison: Comparison, { quick, trial, seconds }: Omit<Options, "keep">): Extent {
  const common = trial ? TRIAL : quick ? QUICK : FULL;
  return {
    rounds: trial ? common.rounds : (comparison.rounds ?? common.rounds),
    seconds: seconds ?? (trial ? common.seconds : (comparison.seconds ?? common.seconds)),
    warmUpSeconds: common.warmUpSeconds,
  };
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1)
    throw new Failure(`--seconds is "${text}"; it has to be a whole number, at least 1.`);
  return seconds;
}

async function ensureWrk(): Promise<void> {
  if ((await run("wrk", ["-v"])).code !== 127) return;
  if (!canInstallPackages())
    throw new Failure("The load generator wrk is missing. Install it (Debian's package wrk) and repeat.");
  await new Progress().step("load generator wrk", (step) => installPackages(step, ["wrk"]));
}

async function measure(
  comparison: Comparison,
  stack: BenchStack,
  extent: Extent,
  trial: boolean,
): Promise<Result> {
  const { name, title, load: kind, goals } = comparison;
  await stack.emptyCache();
  const { variants, stop } = await comparison.prepare(stack, trial);
  try {
    const started = new Date().toISOString();
    const before = load();
    const rounds = await interleave({ variants, ...extent });
    return {
      ...{ name, title, load: kind, started, machine: machine() },
      loadAverage: { before, after: load() },
      versions: await versions(),
      seconds: extent.seconds,
      rounds,
      verdicts: goals.map((goal) => judge(goal, rounds)),
    };
  } finally {
    await stop();
  }
}

function regressions({ name, verdicts }: Result): string[] {
  const committed = committedResult(name);
  return verdicts.flatMap((verdict) => {
    const before = committed.verdicts.find(({ what }) => what === verdict.what);
    return (before && regression(before, verdict)) ?? [];
  });
}

/** @throws Failure where there is nothing to compare with */
function committedResult(name: string): Result {
  const committed = readResult(name);
  if (committed) return committed;
  throw new Failure(`${name} has no committed result. Run "npm run bench -- ${name}" first.`);
}
