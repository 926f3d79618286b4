import type { Plot } from "../../../ops/report/plots.ts";
import type { ReportTable } from "../../../ops/report/sql-tables.ts";
import type { Result } from "../report.ts";
import { boundText, valueText } from "./markdown.ts";

/** Every goal with what was measured. */
export function tableOf(results: readonly Result[]): ReportTable {
  return {
    title: "goals",
    description:
      "Medians of the rounds' values, in brackets their quartiles; the machine's load while measuring.",
    columns: ["", "goal", "bound", "measured", "", "load average", "when"],
    rows: results.flatMap(({ name, verdicts, loadAverage, started }) =>
      verdicts.map((verdict) => [
        ...[name, verdict.what, boundText(verdict), valueText(verdict)],
        ...[verdict.reached ? "reached" : "missed", `${loadAverage.before} to ${loadAverage.after}`],
        started.slice(0, 16).replace("T", " "),
      ]),
    ),
  };
}

/** What was measured in each round, and each goal's value with its bound. */
export function plotsOf({ name, title, rounds, verdicts }: Result): Plot[] {
  const variants = Object.keys(rounds[0]?.samples ?? {});
  const throughput: Plot = {
    title: `${name}: ${title}`,
    description: "Throughput in each round.",
    unit: "reqps",
    over: "rounds",
    stacked: false,
    bounds: [],
    series: variants.map((variant) => ({
      name: variant,
      points: rounds.map(({ samples }, at) => [at + 1, samples[variant]?.perSecond ?? Number.NaN] as const),
    })),
  };
  const hasThroughput = rounds.some(({ samples }) =>
    variants.some((variant) => samples[variant]?.perSecond !== undefined),
  );
  return [
    ...(hasThroughput ? [throughput] : []),
    ...verdicts.map((verdict) => ({
      title: `${name}: ${verdict.what}`,
      description: `Goal ${boundText(verdict)}; median ${valueText(verdict)}.`,
      unit: "short",
      over: "rounds" as const,
      stacked: false,
      bounds: [
        {
          at: "atLeast" in verdict.bound ? verdict.bound.atLeast : verdict.bound.atMost,
          level: "goal" as const,
        },
      ],
      series: [{ name: "value", points: verdict.values.map((value, at) => [at + 1, value] as const) }],
    })),
  ];
}
