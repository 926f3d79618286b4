import { describe, expect, it } from "vitest";
import type { Goal, Sample, Variant } from "./comparison.ts";
import { interleave, type Round } from "./interleave.ts";
import { spread, summarize } from "./statistics.ts";
import { judge, regression } from "./verdict.ts";

describe("a summary of values", () => {
  it("has the middle, the quartiles and the ends, in whatever order the values come", () => {
    expect(summarize([5, 1, 4, 2, 3])).toEqual({ median: 3, q1: 2, q3: 4, min: 1, max: 5 });
  });

  it("lies between two values where there is no middle one", () => {
    expect(summarize([1, 2, 3, 4])).toMatchObject({ median: 2.5, q1: 1.75, q3: 3.25 });
  });

  it("has a spread that one outlier does not touch", () => {
    expect(spread(summarize([1, 2, 3, 4, 500]))).toBe(2);
    expect(spread(summarize([7]))).toBe(0);
  });

  it("of nothing is refused", () => {
    expect(() => summarize([])).toThrow(RangeError);
  });
});

describe("interleaving", () => {
  const order: string[] = [];
  const variant = (name: string): Variant => ({
    name,
    measure: async (seconds) => {
      order.push(`${name}${seconds}`);
      return { perSecond: order.length };
    },
  });

  it("warms each variant up and then measures them in turn", async () => {
    const rounds = await interleave({
      ...{ variants: [variant("a"), variant("b")], rounds: 2, seconds: 3, warmUpSeconds: 1 },
    });
    expect(order).toEqual(["a1", "b1", "a3", "b3", "a3", "b3"]);
    expect(rounds.map(({ samples }) => samples)).toEqual([
      { a: { perSecond: 3 }, b: { perSecond: 4 } },
      { a: { perSecond: 5 }, b: { perSecond: 6 } },
    ]);
  });
});

const rounds = (...pairs: readonly (readonly [Sample, Sample])[]): Round[] =>
  pairs.map(([a, b], at) => ({ at, samples: { a, b } }));

const goal: Goal = {
  ...{ what: "a / b", figure: "perSecond", of: "a", against: "b", bound: { atLeast: 0.9 } },
};

describe("a goal", () => {
  it("is judged by the median of the rounds' own ratios, not by the ratio of medians", () => {
    // The machine was twice as fast in the second round, and three times in the third.
    const measured = rounds(
      [{ perSecond: 95 }, { perSecond: 100 }],
      [{ perSecond: 184 }, { perSecond: 200 }],
      [{ perSecond: 150 }, { perSecond: 300 }],
    );
    expect(judge(goal, measured)).toMatchObject({
      values: [0.95, 0.92, 0.5],
      summary: { median: 0.92 },
      unit: "ratio",
      reached: true,
    });
  });

  it("is missed on its wrong side, and reached on the bound", () => {
    const measured = rounds([
      { perSecond: 89, p50: 1.3 },
      { perSecond: 100, p50: 1 },
    ]);
    expect(judge(goal, measured).reached).toBe(false);
    expect(judge({ ...goal, bound: { atLeast: 0.89 } }, measured).reached).toBe(true);
    expect(judge({ ...goal, figure: "p50", bound: { atMost: 1.2 } }, measured).reached).toBe(false);
  });

  it("may be a difference, or a figure as it is", () => {
    const measured = rounds([
      { perSecond: 4_000, p50: 1.25 },
      { perSecond: 1, p50: 1 },
    ]);
    const slower: Goal = { ...goal, figure: "p50", by: "difference", bound: { atMost: 0.3 } };
    expect(judge(slower, measured)).toMatchObject({ values: [0.25], unit: "difference", reached: true });
    const { against: _, ...alone } = goal;
    const figure = judge({ ...alone, bound: { atLeast: 5_000 } }, measured);
    expect(figure).toMatchObject({ values: [4_000], unit: "figure", reached: false });
  });

  it("can not be judged without its figure", () => {
    expect(() => judge(goal, rounds([{ perSecond: 1 }, {}]))).toThrow("needs perSecond of b");
  });
});

describe("the quick run's guard", () => {
  const ratios = (...values: number[]) =>
    judge(goal, rounds(...values.map((value) => [{ perSecond: value }, { perSecond: 1 }] as const)));
  const committed = ratios(0.9, 0.95, 1, 1.05, 1.1);

  it("passes within all committed rounds widened by their interquartile range", () => {
    expect(regression(committed, ratios(0.805))).toBeUndefined();
  });

  it("fails below, and tells what, how much, and what is allowed", () => {
    expect(regression(committed, ratios(0.79))).toBe("a / b: 0.79, committed 1, allowed at least 0.8");
  });

  it("does not mind a better ratio", () => {
    expect(regression(committed, ratios(3))).toBeUndefined();
  });

  it("fails above where less is better", () => {
    const cost = (value: number) => ({ ...ratios(value), bound: { atMost: 1.3 } });
    expect(regression(cost(1), cost(1.01))).toContain("allowed at most 1");
    expect(regression(cost(1), cost(0.5))).toBeUndefined();
  });

  it("leaves figures that are the machine's own alone", () => {
    const figure = (value: number) => ({ ...ratios(value), unit: "figure" as const });
    expect(regression(figure(10_000), figure(10))).toBeUndefined();
  });
});
