import { FIGURES, type FigureName } from "../comparison.ts";
import type { Result } from "../report.ts";
import { summarize } from "../statistics.ts";
import type { Verdict } from "../verdict.ts";

/** The page `docs/benchmarks/report.md`. */
export function markdown(results: readonly Result[]): string {
  return `# Benchmarks: results

Written by \`npm run bench\`; [README.md](README.md) tells how to read it, [report.html](report.html) shows every round.

| | goal | bound | median (quartiles) | |
| --- | --- | --- | --- | --- |
${results.flatMap((result) => result.verdicts.map((verdict) => goalRow(result, verdict))).join("\n")}

${results.map(section).join("\n")}`;
}

function goalRow({ name }: Result, verdict: Verdict): string {
  return `| ${name} | ${verdict.what} | ${boundText(verdict)} | ${valueText(verdict)} | ${verdict.reached ? "reached" : "**missed**"} |`;
}

/** \`>= 0.9 x\` */
export function boundText({ bound, unit }: Verdict): string {
  const times = unit === "ratio" ? " x" : "";
  return "atLeast" in bound ? `>= ${bound.atLeast}${times}` : `<= ${bound.atMost}${times}`;
}

/** \`0.93 (0.91 to 0.94)\` */
export function valueText({ summary: { median, q1, q3 } }: Verdict): string {
  return `${short(median)} (${short(q1)} to ${short(q3)})`;
}

/** One comparison: what its load was, and each variant's figures. */
export function section(result: Result): string {
  const { machine, loadAverage, versions } = result;
  const variants = Object.keys(result.rounds[0]?.samples ?? {});
  const names = (Object.keys(FIGURES) as FigureName[]).filter((figure) =>
    result.rounds.some(({ samples }) => variants.some((variant) => samples[variant]?.[figure] !== undefined)),
  );
  const cell = (variant: string, figure: FigureName): string => {
    const values = result.rounds.flatMap(({ samples }) => samples[variant]?.[figure] ?? []);
    if (values.length === 0) return "";
    const { median, q1, q3 } = summarize(values);
    const { digits } = FIGURES[figure];
    return `${median.toFixed(digits)} (${q1.toFixed(digits)} to ${q3.toFixed(digits)})`;
  };
  return `## ${result.name}: ${result.title}

${result.load}

${result.started.slice(0, 16).replace("T", " ")} UTC, ${result.rounds.length} rounds of ${result.seconds} s a variant; ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}; load average ${loadAverage.before} before, ${loadAverage.after} after; ${Object.entries(
    versions,
  )
    .map(([program, version]) => `${program} ${version}`)
    .join(", ")}.

| variant | ${names.map((name) => FIGURES[name].title).join(" | ")} |
| --- | ${names.map(() => "---").join(" | ")} |
${variants.map((variant) => `| ${variant} | ${names.map((name) => cell(variant, name)).join(" | ")} |`).join("\n")}
`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
