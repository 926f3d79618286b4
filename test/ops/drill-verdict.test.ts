import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fullPlan, randomPlan } from "../../ops/drill/campaign.ts";
import { type Fault, nothingToHeal } from "../../ops/drill/fault.ts";
import { FAULTS } from "../../ops/drill/faults/index.ts";
import { type HistoryEvent, HistoryLog, readHistory } from "../../ops/drill/history.ts";
import { noticed, unreachableSpans } from "../../ops/drill/outages.ts";
import { reportPage } from "../../ops/drill/report-page.ts";
import { median, summarize } from "../../ops/drill/summary.ts";
import { judge } from "../../ops/drill/verdict.ts";

const at = (second: number, more: object = {}): HistoryEvent =>
  ({
    ...{ kind: "write", path: "sql", client: "a", number: second, outcome: "acknowledged" },
    ...{ from: second * 1_000 - 10, to: second * 1_000 },
    ...more,
  }) as HistoryEvent;

const MARKS: HistoryEvent[] = [
  { kind: "mark", what: "injected", at: 2_500 },
  { kind: "mark", what: "healed", at: 9_000 },
  { kind: "mark", what: "restored", at: 12_000 },
];
/** A write a second, none from second 4 to second 8. */
const HISTORY = [...[1, 2, 3, 8, 9, 10, 11, 12].map((second) => at(second)), ...MARKS];
const FOUND = [1, 2, 3, 8, 9, 10, 11, 12].map((number) => ({ client: "a", number }));

const FAULT: Fault = {
  name: "some-fault",
  title: "some fault",
  hits: "postgres",
  hold: 1,
  inject: async () => nothingToHeal,
};
const EVIDENCE = {
  ...{ history: HISTORY, found: FOUND, staleness: 2, load: 0.5 },
  ...{ primaryBefore: "p0", primaryAfter: "p1" },
};

describe("what clients noticed", () => {
  it("is the longest pause on each path, and errors by kind", () => {
    const before = at(2, { number: 98, outcome: "unknown", error: "57P01" });
    const history = [...HISTORY, before, at(4, { number: 99, outcome: "unknown", error: "57P01" })];
    const seen = noticed(history);
    expect(seen.by_path.sql.write_outage_seconds).toBe(5);
    expect(seen.write_outage_seconds).toBe(5);
    expect(seen.errors).toEqual({ "sql write: 57P01": 1 });
  });

  it("tells a read that nobody answers from one of its own write, which may need the primary", () => {
    const read = (more: object) =>
      at(4, { kind: "read", path: "api", outcome: "failed", error: "503", ...more });
    const { errors } = noticed([...HISTORY, read({}), read({ token: 3 })]);
    expect(errors).toEqual({ "api read: 503": 1, "api read of its own write: 503": 1 });
  });

  it("lasts until the end where nothing came after it", () => {
    const read = at(30, { kind: "read", path: "api", outcome: "answered" });
    expect(noticed([...HISTORY, read]).by_path.sql.write_outage_seconds).toBe(18);
  });

  it("tells when the primary was away, and Redis", () => {
    const pauses = unreachableSpans(HISTORY, false);
    expect(pauses).toEqual([{ from: 3_000, to: 8_000 }]);
    expect(unreachableSpans(HISTORY, true)).toEqual([{ from: 2_500, to: 12_000 }]);
  });
});

describe("a verdict", () => {
  it("holds where every promise was kept", () => {
    const verdict = judge(FAULT, 1, EVIDENCE);
    expect(verdict.broken).toEqual([]);
    expect(verdict).toMatchObject({
      redundancy_restored_seconds: 3,
      writes_after_heal_seconds: 0,
      load: 0.5,
    });
  });

  it("names each promise that was broken", () => {
    const goal = { keepsPrimary: true, noErrors: true };
    const history = HISTORY.filter((event) => event.kind !== "mark" || event.what !== "restored");
    const evidence = { ...EVIDENCE, history: [...history, at(13, { error: "57P01" })], found: FOUND };
    expect(judge({ ...FAULT, goal }, 1, evidence).broken).toEqual([
      "1 acknowledged writes lost",
      "redundancy not back within 60 s of the heal",
      "clients got errors: 1 x sql write: 57P01",
      "p1 leads in place of p0",
    ]);
  });
});

describe("the promise of cached reads", () => {
  const read = (outcome: "answered" | "failed", still: boolean) =>
    at(4, { kind: "read", path: "api", outcome, still, error: outcome === "failed" ? "503" : undefined });
  const goal = { cachedReadsAnswered: 0.9 };
  const verdictOf = (reads: HistoryEvent[]) =>
    judge({ ...FAULT, goal }, 1, { ...EVIDENCE, history: [...HISTORY, ...reads] });

  it("is about the account that nobody books from", () => {
    const verdict = verdictOf([read("answered", true), read("failed", false)]);
    expect(verdict).toMatchObject({ api_reads_answered: 0.5, cached_reads_answered: 1, broken: [] });
  });

  it("is broken where too many of those had no answer", () => {
    const { broken } = verdictOf([read("answered", true), read("failed", true), read("answered", false)]);
    expect(broken).toEqual(["50.000 % of its cached reads answered, goal 90 %"]);
  });

  it("is not told of a run of an earlier version", () => {
    const { cached_reads_answered: _, ...earlier } = verdictOf([]);
    const facts = { seed: 7, started: "2026-01-01T00:00:00Z", recovery: "fast" } as const;
    const summary = (rounds: Parameters<typeof summarize>[2]) => summarize(facts, {}, rounds, []).faults[0];
    expect(summary([earlier, verdictOf([])])).not.toHaveProperty("cached_reads_answered");
    expect(
      summary([verdictOf([read("answered", true), read("failed", true)]), verdictOf([])]),
    ).toHaveProperty("cached_reads_answered", 0.5);
  });
});

describe("a report", () => {
  const rounds = [judge(FAULT, 1, EVIDENCE), judge(FAULT, 2, { ...EVIDENCE, found: FOUND.slice(1) })];
  const facts = { seed: 7, started: "2026-01-01T00:00:00Z", recovery: "fast" } as const;

  it("adds counts up and takes the median of times", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1])).toBe(2.5);
    const report = summarize(facts, {}, rounds, [{ fault: "clock-skew", reason: "one clock" }]);
    expect(report).toMatchObject({ kept: false, lost: 1, unexpected: 0, overlap_seconds: 0, seed: 7 });
    expect(report.faults[0]).toMatchObject({ rounds: 2, lost: 1, write_outage_seconds: 5 });
  });

  it("holds the medians against the limits of time", () => {
    const late = (limit: number) =>
      summarize(facts, { "some-fault": { writeOutage: limit } }, rounds.slice(0, 1), []);
    expect(late(4).faults[0]?.broken).toEqual(["write outage 5.0 s, goal 4.0 s"]);
    expect(late(4).kept).toBe(false);
    expect(late(5).kept).toBe(true);
  });

  it("becomes a page with a row for each fault and a line for each that was left out", () => {
    const report = summarize(facts, {}, rounds, [{ fault: "clock-skew", reason: "one clock" }]);
    const page = reportPage(
      report,
      { random: report, stock: undefined },
      { "some-fault": "something happened" },
    );
    expect(page).toContain("| something happened | 2 | 1 / 0 / 0.0 s | 0 / 0 | 5.0 s (5.0 s) |");
    expect(page).toContain("- `clock-skew`: one clock.");
    expect(page).toContain("17 to 23 s in all");
    expect(page).toContain("2 faults drawn by lot with seed 7");
    expect(reportPage(report, { random: undefined, stock: undefined }, {})).not.toContain("by lot");
  });
});

describe("a plan", () => {
  it("gives faults with a goal of their own more rounds", () => {
    const plan = fullPlan(FAULTS);
    const count = (name: string) => plan.filter(({ fault }) => fault.name === name).length;
    expect([count("switchover"), count("replica-killed")]).toEqual([5, 2]);
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
  });

  it("is drawn the same again from the same seed", () => {
    const draw = (seed: number) => {
      let left = 12;
      return [...randomPlan(FAULTS, seed, () => left-- === 0)].map(({ fault }) => fault.name);
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });
});

describe("the log", () => {
  const folder = mkdtempSync(join(tmpdir(), "dujyo-drill-"));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("gives back what was appended, in order", async () => {
    const path = join(folder, "log.jsonl");
    const log = await HistoryLog.create(path);
    await Promise.all(HISTORY.map((event) => log.append(event)));
    await log.close();
    expect(await readHistory(path)).toEqual(HISTORY);
  });
});
