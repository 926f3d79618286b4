import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderPage } from "../../ops/report/page.ts";
import { ROOT } from "../../tools/layout.ts";
import type { Comparison } from "./comparison.ts";
import type { Round } from "./interleave.ts";
import type { Machine } from "./machine.ts";
import { markdown } from "./report/markdown.ts";
import { plotsOf, tableOf } from "./report/plots.ts";
import type { Verdict } from "./verdict.ts";

/** One comparison's run, as `docs/benchmarks/<name>.json` keeps it. */
export interface Result extends Pick<Comparison, "name" | "title" | "load"> {
  /** ISO 8601. */
  readonly started: string;
  readonly machine: Machine;
  /** Load average of a minute, before and after: what else the machine did, and this run itself. */
  readonly loadAverage: { readonly before: number; readonly after: number };
  readonly versions: Readonly<Record<string, string>>;
  /** Seconds of one measurement. */
  readonly seconds: number;
  readonly rounds: readonly Round[];
  readonly verdicts: readonly Verdict[];
}

const FOLDER = join(ROOT, "docs/benchmarks");

/** The committed result, or undefined where the comparison was never run. */
export function readResult(name: string): Result | undefined {
  return readResults().find((result) => result.name === name);
}

function readResults(): Result[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".json"))
    .map((file) => JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Result)
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** Keeps a result and writes the pages of all that there are; returns their folder. */
export async function writeResult(result: Result): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${result.name}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
  const results = readResults();
  writeFileSync(join(FOLDER, "report.md"), markdown(results));
  const page = await renderPage({
    stack: "bench",
    title: "Dujyo: benchmarks",
    period: "drawn",
    tables: [tableOf(results)],
    plots: results.flatMap(plotsOf),
  });
  writeFileSync(join(FOLDER, "report.html"), page);
  return FOLDER;
}
