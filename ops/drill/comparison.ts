import { formatTable } from "../table.ts";
import type { Goal } from "./fault.ts";
import type { Progress } from "./ground.ts";
import type { Skipped } from "./run-fault.ts";
import { type DrillReport, type FaultSummary, summarize } from "./summary.ts";

/** The same figure of two stacks: of the one that is drilled, and of the one beside it. */
type Both<T> = readonly [T, T];

/** One fault on two stacks. Times are medians of the rounds, through the pooler where it is about writes. */
export interface ComparedFault {
  readonly fault: string;
  readonly rounds: Both<number>;
  readonly write_outage_seconds: Both<number>;
  /** The first one's write outage as a share of the other's. */
  readonly ratio: number;
  /** Highest ratio that is promised; null where none is. */
  readonly goal_ratio: number | null;
  /** Longest write outage that is promised; null where none is. */
  readonly goal_seconds: number | null;
  readonly read_outage_seconds: Both<number>;
  /** Null where some round did not get there. */
  readonly redundancy_restored_seconds: Both<number | null>;
  /** Promises of the first one that were broken. */
  readonly broken: readonly string[];
}

/** The same faults on two stacks that took turns. */
export interface Comparison {
  readonly seed: number;
  /** RFC 3339. */
  readonly started: string;
  /** Paths of the settings in which the stacks differ, ports and addresses apart. */
  readonly differ: readonly string[];
  /** Whether every promise of the first one held. */
  readonly kept: boolean;
  readonly faults: readonly ComparedFault[];
  /** Faults that one of them does not permit. */
  readonly skipped: readonly Skipped[];
  /** All figures of each. The other one's are told, and nothing is promised of it. */
  readonly reports: Both<DrillReport>;
}

/**
 * Holds what happened to a stack against what happened to the one beside it.
 *
 * @param goals by the fault's name; shares of `stock` bind the profile `fast` beside that profile, and nobody else
 */
export function compare(
  [first, other]: Both<Progress>,
  goals: Readonly<Record<string, Goal | undefined>>,
  differ: readonly string[],
): Comparison {
  const reports = [first, other].map((run) => summarize(run, goals, run.rounds, run.skipped));
  const [mine, theirs] = reports as [DrillReport, DrillReport];
  const bound = mine.recovery === "fast" && theirs.recovery === "stock";
  const faults = mine.faults.flatMap((summary) => {
    const beside = theirs.faults.find(({ fault }) => fault === summary.fault);
    const { ofStock, ...goal } = goals[summary.fault] ?? {};
    return beside ? [compareFault([summary, beside], bound ? { ...goal, ofStock } : goal)] : [];
  });
  return {
    ...{ seed: mine.seed, started: mine.started, differ },
    kept: mine.kept && faults.every(({ broken }) => broken.length === 0),
    faults,
    skipped: [
      ...new Map([...mine.skipped, ...theirs.skipped].map((skipped) => [skipped.fault, skipped])).values(),
    ],
    reports: [mine, theirs],
  };
}

function compareFault(both: Both<FaultSummary>, { ofStock, writeOutage }: Goal): ComparedFault {
  const of = <T>(pick: (summary: FaultSummary) => T): Both<T> => [pick(both[0]), pick(both[1])];
  const write_outage_seconds = of(({ sql_write_outage_seconds }) => sql_write_outage_seconds);
  const ratio = Math.round((write_outage_seconds[0] / write_outage_seconds[1]) * 1_000) / 1_000;
  const beyond = ofStock !== undefined && ratio > ofStock;
  return {
    fault: both[0].fault,
    rounds: of(({ rounds }) => rounds),
    ...{ write_outage_seconds, ratio, goal_ratio: ofStock ?? null, goal_seconds: writeOutage ?? null },
    read_outage_seconds: of(({ read_outage_seconds }) => read_outage_seconds),
    redundancy_restored_seconds: of(({ redundancy_restored_seconds }) => redundancy_restored_seconds),
    broken: [
      ...both[0].broken,
      ...(beyond ? [`write outage ${ratio.toFixed(2)} of the other's, goal ${ofStock.toFixed(2)}`] : []),
    ],
  };
}

const seconds = (value: number | null) => (value === null ? "never" : `${value.toFixed(1)} s`);

export const COMPARED_COLUMNS = [
  "fault",
  "rounds",
  "write outage",
  "ratio",
  "goal",
  "read outage",
  "whole again",
  "promises",
] as const;

/** Cells of {@link COMPARED_COLUMNS} but the fault's name; both stacks' figures with a stroke between them. */
export function comparedCells(compared: ComparedFault): string[] {
  const stroke = (both: Both<string | number>) => both.join(" / ");
  const { goal_ratio, goal_seconds, broken } = compared;
  const goal = goal_ratio === null ? undefined : `${goal_ratio.toFixed(2)} of it`;
  return [
    compared.rounds[0] === compared.rounds[1] ? String(compared.rounds[0]) : stroke(compared.rounds),
    stroke([seconds(compared.write_outage_seconds[0]), seconds(compared.write_outage_seconds[1])]),
    compared.ratio.toFixed(2),
    goal ?? (goal_seconds === null ? "-" : seconds(goal_seconds)),
    stroke([seconds(compared.read_outage_seconds[0]), seconds(compared.read_outage_seconds[1])]),
    stroke([
      seconds(compared.redundancy_restored_seconds[0]),
      seconds(compared.redundancy_restored_seconds[1]),
    ]),
    broken.length === 0 ? "held" : broken.join("; "),
  ];
}

/** The table for the terminal. @param names of the two stacks */
export function formatComparison(comparison: Comparison, names: Both<string>): string {
  const { faults, skipped, reports, differ, kept } = comparison;
  const rows = faults.map((compared) => [compared.fault, ...comparedCells(compared)]);
  return [
    `${names[0]} (${reports[0].recovery}) / ${names[1]} (${reports[1].recovery}); they differ in ${differ.join(", ") || "nothing"}`,
    "",
    formatTable([...COMPARED_COLUMNS], rows),
    "",
    ...skipped.map(({ fault, reason }) => `left out: ${fault}: ${reason}`),
    kept ? `Every promise of ${names[0]} held.` : `Promises of ${names[0]} were broken.`,
  ].join("\n");
}
