import type { Goal } from "./comparison.ts";
import type { Round } from "./interleave.ts";
import { type Summary, spread, summarize } from "./statistics.ts";

/** What became of a goal. */
export interface Verdict {
  readonly what: string;
  readonly unit: "ratio" | "difference" | "figure";
  readonly bound: Goal["bound"];
  /** Of the rounds' values. */
  readonly summary: Summary;
  /** The value of each round. */
  readonly values: readonly number[];
  /** By the median. */
  readonly reached: boolean;
}

/** @throws Error where a round lacks the goal's figure */
export function judge(goal: Goal, rounds: readonly Round[]): Verdict {
  const values = rounds.map((round) => goalValue(goal, round));
  const summary = summarize(values);
  return {
    what: goal.what,
    unit: goal.against === undefined ? "figure" : (goal.by ?? "ratio"),
    bound: goal.bound,
    summary,
    values,
    reached: keeps(summary.median, goal.bound),
  };
}

function goalValue({ what, figure, of, against, by = "ratio" }: Goal, { samples }: Round): number {
  const read = (variant: string): number => {
    const value = samples[variant]?.[figure];
    if (value === undefined || !Number.isFinite(value))
      throw new Error(`"${what}" needs ${figure} of ${variant}, which was not measured`);
    return value;
  };
  if (against === undefined) return read(of);
  return by === "ratio" ? read(of) / read(against) : read(of) - read(against);
}

function keeps(value: number, bound: Goal["bound"]): boolean {
  return "atLeast" in bound ? value >= bound.atLeast : value <= bound.atMost;
}

/**
 * Why a new run is worse than the committed one, or undefined where it is not: its median ratio lies beyond all rounds of the
 * committed run by more than that run's interquartile range. Other figures than ratios are a machine's own and not compared.
 */
export function regression(committed: Verdict, now: Verdict): string | undefined {
  if (committed.unit !== "ratio" || now.unit !== "ratio") return undefined;
  const { summary } = committed;
  const lowest = summary.min - spread(summary);
  const highest = summary.max + spread(summary);
  const { median } = now.summary;
  if ("atLeast" in committed.bound ? median >= lowest : median <= highest) return undefined;
  const limit = "atLeast" in committed.bound ? `at least ${short(lowest)}` : `at most ${short(highest)}`;
  return `${now.what}: ${short(median)}, committed ${short(summary.median)}, allowed ${limit}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
