import { describe, expect, it } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { differences, refuseBeside } from "../../ops/drill/beside.ts";
import { fullPlan, type Ground, takeTurns } from "../../ops/drill/campaign.ts";
import { type Comparison, compare, formatComparison } from "../../ops/drill/comparison.ts";
import type { Fault, Goal, Turn } from "../../ops/drill/fault.ts";
import { faultNamed } from "../../ops/drill/faults/index.ts";
import type { Progress } from "../../ops/drill/ground.ts";
import { goals, goalsAlone, whyNotKept } from "../../ops/drill/kept-runs.ts";
import { reportPage } from "../../ops/drill/report-page.ts";
import { summarize } from "../../ops/drill/summary.ts";
import type { Verdict } from "../../ops/drill/verdict.ts";
import { Refusal } from "../../ops/refusal.ts";

const COMPARED = ["switchover", "postgres-killed", "node-gone", "node-frozen", "primary-cut"];

function verdict(fault: string, round: number, outage: number, broken: string[] = []): Verdict {
  const path = { write_outage_seconds: outage, read_outage_seconds: 1 };
  return {
    ...{ fault, round, broken, at: "2026-01-01T00:00:00Z", ...path, by_path: { sql: path, api: path } },
    ...{ lost: [], unexpected: [], overlap_seconds: 0, stale: 0, unread: 0 },
    ...{ acknowledged: 100, reads: 100, api_reads_answered: 1, errors: {} },
    ...{ redundancy_restored_seconds: 4, writes_after_heal_seconds: 0.1, load: round },
  };
}

/** Three rounds of every fault, which all take the same time. */
function run(recovery: Progress["recovery"], outage: number, more: Partial<Progress> = {}): Progress {
  const rounds = COMPARED.flatMap((fault) => [1, 2, 3].map((round) => verdict(fault, round, outage)));
  return { seed: 1, started: "2026-01-01T00:00:00Z", recovery, rounds, skipped: [], ...more };
}

const DIFFER = ["postgres.recovery"];
const between = (mine: Progress, theirs: Progress, given: Record<string, Goal> = goals()) =>
  compare([mine, theirs], given, DIFFER);
const ofFault = ({ faults }: Comparison, name: string) => faults.find(({ fault }) => fault === name);

describe("two stacks that take turns", () => {
  /** Notes whose turn it is; `stops` is a fault that it does not permit. */
  function ground(name: string, seen: string[], { done = [] as string[], stops = "" } = {}): Ground {
    const key = ({ fault, round }: Turn) => `${name} ${fault.name} ${round}`;
    return {
      has: (turn) => done.includes(key(turn)),
      drill: async (turn) => {
        if (turn.fault.name === stops) return false;
        seen.push(key(turn));
        return true;
      },
    };
  }
  const turns = fullPlan([{ name: "f" } as Fault, { name: "g" } as Fault], 2);

  it("go round by round, one after the other", async () => {
    const seen: string[] = [];
    await takeTurns([ground("a", seen), ground("b", seen)], turns);
    expect(seen).toEqual(["a f 1", "b f 1", "a f 2", "b f 2", "a g 1", "b g 1", "a g 2", "b g 2"]);
  });

  it("go on where they were cut off", async () => {
    const seen: string[] = [];
    const done = ["a f 1", "b f 1", "a f 2"];
    await takeTurns([ground("a", seen, { done }), ground("b", seen, { done })], turns);
    expect(seen.slice(0, 2)).toEqual(["b f 2", "a g 1"]);
  });

  it("both leave out what one of them does not permit", async () => {
    const seen: string[] = [];
    await takeTurns([ground("a", seen), ground("b", seen, { stops: "f" })], turns);
    expect(seen).toEqual(["a f 1", "a g 1", "b g 1", "a g 2", "b g 2"]);
  });
});

describe("a comparison", () => {
  it("has both medians and their ratio, and holds the first to its share of stock", () => {
    const comparison = between(run("fast", 20), run("stock", 30));
    expect(ofFault(comparison, "node-gone")).toMatchObject({
      ...{ rounds: [3, 3], write_outage_seconds: [20, 30], ratio: 0.667, goal_ratio: 0.7, broken: [] },
    });
    // 20 s are within no limit of a switchover, whatever stock takes.
    expect(ofFault(comparison, "switchover")?.broken).toEqual(["write outage 20.0 s, goal 2.0 s"]);
    expect(comparison.kept).toBe(false);
  });

  it("is kept where every limit is", () => {
    expect(between(run("fast", 1.4), run("stock", 2)).kept).toBe(true);
    const beyond = between(run("fast", 1.5), run("stock", 2));
    expect(beyond.kept).toBe(false);
    expect(ofFault(beyond, "primary-cut")?.broken).toEqual(["write outage 0.75 of the other's, goal 0.70"]);
  });

  it("judges the first stack alone", () => {
    const broken = (outage: number) => ({
      rounds: [verdict("node-gone", 1, outage, ["1 acknowledged writes lost"])],
    });
    expect(between(run("fast", 1, broken(1)), run("stock", 2)).kept).toBe(false);
    expect(between(run("fast", 1), run("stock", 2, broken(2))).kept).toBe(true);
  });

  it("promises shares to nobody but fast beside stock", () => {
    for (const comparison of [
      between(run("balanced", 1.9), run("stock", 2)),
      between(run("fast", 1.9), run("tolerant", 2)),
    ])
      expect([comparison.kept, ofFault(comparison, "node-gone")?.goal_ratio]).toEqual([true, null]);
  });

  it("tells what one of the two does not permit", () => {
    const skipped = [{ fault: "two-failovers", reason: "it recovers" }];
    const comparison = between(run("fast", 1), run("stock", 2, { skipped }));
    expect(comparison.skipped).toEqual(skipped);
    const text = formatComparison(comparison, ["duo", "other"]);
    expect(text).toContain("duo (fast) / other (stock); they differ in postgres.recovery");
    expect(text).toMatch(/node-gone +3 +1\.0 s \/ 2\.0 s +0\.50 +0\.70 of it/);
    expect(text).toContain("left out: two-failovers: it recovers");
    expect(text).toContain("Every promise of duo held.");
  });
});

describe("what is kept of a comparison", () => {
  const comparison = between(run("fast", 1), run("stock", 2));

  it("is fast beside stock, three rounds of what the lease decides, and no other difference", () => {
    expect(whyNotKept(comparison)).toBeUndefined();
    expect(whyNotKept(between(run("fast", 1), run("balanced", 2)))).toContain("fast beside balanced");
    expect(whyNotKept({ ...comparison, differ: [...DIFFER, "api.instances"] })).toContain(
      "differ in api.instances",
    );
    const fewer = run("fast", 1).rounds.filter(({ fault, round }) => fault !== "node-frozen" || round < 3);
    expect(whyNotKept(between(run("fast", 1, { rounds: fewer }), run("stock", 2)))).toBe(
      "it takes 3 rounds or more of node-frozen",
    );
  });

  it("gives a stack alone its limits in seconds", () => {
    expect(goalsAlone("fast", comparison)["node-gone"]).toMatchObject({ writeOutage: 1.4 });
    expect(goalsAlone("fast", comparison).switchover).toEqual(faultNamed("switchover").goal);
    for (const limits of [goalsAlone("balanced", comparison), goalsAlone("fast", { faults: [] })])
      expect(limits["node-gone"]).toEqual({ cachedReadsAnswered: 0.9995 });
  });

  it("is a section of the page", () => {
    const { rounds, skipped, ...facts } = run("fast", 1);
    const titles = { "node-gone": "node killed" };
    const page = (stock?: Comparison) =>
      reportPage(summarize(facts, {}, rounds, skipped), { random: undefined, stock }, titles);
    expect(page(comparison)).toContain("| node killed | 3 | 1.0 s / 2.0 s | 0.50 | 0.70 of it |");
    expect(page(comparison)).toContain("They differ in `postgres.recovery`, ports and addresses alone");
    expect(page(comparison)).toContain("1.0 to 3.0 at the ends of the turns, 2.0 in the median");
    expect(page(comparison)).toContain("20 to\n38 s in all.");
    expect(page()).not.toContain("stock");
    const prose = page(comparison)
      .split("\n")
      .filter((line) => !line.startsWith("|"));
    expect(prose.filter((line) => line.length > 130)).toEqual([]);
  });
});

describe("a stack is not drilled beside", () => {
  const stack = (name: string, given: Record<string, unknown> = {}) => ({
    ...{ name, settings: parseSettings(name, given) },
  });
  const one = stack("one");
  const far = stack("far", { target: "kubernetes" });
  const moved = { portOffset: 9_000, docker: { subnet: "172.30.51.0/24" } };

  it.each([
    ["itself", one, one, "Give --beside the name of another stack"],
    ["one on a cluster", one, far, 'The stack "far" runs on kubernetes'],
    ["one on Docker while it is on a cluster", far, one, "whose target is docker"],
    ["one with the same ports", one, stack("two"), "both publish 5432, 5433"],
    [
      "that without the way out",
      one,
      stack("two"),
      "Set another portOffset (and docker.subnet) in Pulumi.two.yaml",
    ],
  ])("%s", (_, first, other, reason) => {
    const refused = () => refuseBeside(first, other);
    expect(refused).toThrow(Refusal);
    expect(refused).toThrow(reason);
  });

  it("where it can be, and what it differs in is told", () => {
    const two = stack("two", { ...moved, postgres: { recovery: "stock" } });
    expect(() => refuseBeside(one, two)).not.toThrow();
    expect(differences(one.settings, two.settings)).toEqual(["postgres.recovery"]);
  });
});
