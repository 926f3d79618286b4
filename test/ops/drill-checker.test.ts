import { describe, expect, it } from "vitest";
import { type CheckOptions, check, type FoundWrite } from "../../ops/drill/checker.ts";
import type { HistoryEvent, ReadEvent, WriteEvent } from "../../ops/drill/history.ts";

const OPTIONS: CheckOptions = { staleness: 2, unreachable: [] };

/** A write that takes 10 ms; times in seconds. */
function write(number: number, at: number, more: Partial<WriteEvent> = {}): WriteEvent {
  return {
    ...{ kind: "write", path: "sql", client: "a", number, outcome: "acknowledged" },
    ...{ from: at * 1_000 - 10, to: at * 1_000 },
    ...more,
  };
}

function read(seen: number, at: number, more: Partial<ReadEvent> = {}): ReadEvent {
  return {
    ...{ kind: "read", path: "api", client: "r", account: "a", outcome: "answered", seen },
    ...{ from: at * 1_000, to: at * 1_000 + 5 },
    ...more,
  };
}

/** A primary, and after a failover at second 5 its successor. */
const CLEAN: readonly HistoryEvent[] = [
  ...[1, 2, 3, 4].map((second) => write(second, second, { reign: "1 one" })),
  ...[6, 7, 8].map((second) => write(second - 1, second, { reign: "2 two" })),
  read(4, 4.5),
  read(4, 6.1),
  read(7, 8.2, { token: 7 }),
  { kind: "mark", what: "injected", at: 4_900 },
];
const PRESENT: readonly FoundWrite[] = [1, 2, 3, 4, 5, 6, 7].map((number) => ({ client: "a", number }));

const NOTHING = { lost: [], unexpected: [], overlap_seconds: 0, stale: [], unread: [] };

describe("the checker", () => {
  it("finds nothing in a clean history", () => {
    expect(check(CLEAN, PRESENT, OPTIONS)).toEqual(NOTHING);
  });

  it("finds a lost write", () => {
    const found = check(CLEAN, PRESENT.slice(0, 6), OPTIONS);
    expect(found).toEqual({ ...NOTHING, lost: ["a/7"] });
  });

  it("finds a write that is there twice", () => {
    const found = check(CLEAN, [...PRESENT, { client: "a", number: 3 }], OPTIONS);
    expect(found).toEqual({ ...NOTHING, unexpected: ["a/3"] });
  });

  it("finds writes that were refused, or never made", () => {
    const history = [...CLEAN, write(8, 9, { outcome: "refused" })];
    const present = [...PRESENT, { client: "a", number: 8 }, { client: "b", number: 1 }];
    expect(check(history, present, OPTIONS).unexpected).toEqual(["a/8", "b/1"]);
  });

  it("takes a write whose answer was lost either way", () => {
    const history = [...CLEAN, write(8, 9, { outcome: "unknown" })];
    expect(check(history, PRESENT, OPTIONS)).toEqual(NOTHING);
    expect(check(history, [...PRESENT, { client: "a", number: 8 }], OPTIONS)).toEqual(NOTHING);
  });

  it("holds an answer to what a repeat of the write was told in the end", () => {
    const history = [...CLEAN, write(8, 9, { outcome: "unknown" }), write(8, 10)];
    expect(check(history, PRESENT, OPTIONS).lost).toEqual(["a/8"]);
    // A late entry of the log does not take back what was acknowledged.
    const late = [...CLEAN, write(8, 9), write(8, 10, { outcome: "unknown" })];
    expect(check(late, PRESENT, OPTIONS).lost).toEqual(["a/8"]);
  });

  it("finds a stale read", () => {
    const found = check([...CLEAN, read(3, 6.5)], PRESENT, OPTIONS);
    expect(found).toEqual({
      ...NOTHING,
      stale: [{ client: "r", account: "a", seen: 3, due: 4, at: 6_500 }],
    });
  });

  it("allows a read to miss what was written within the bound", () => {
    expect(check([...CLEAN, read(3, 5.9)], PRESENT, OPTIONS)).toEqual(NOTHING);
  });

  it("does not count time without a primary or Redis", () => {
    const unreachable = [{ from: 4_200, to: 5_200 }];
    expect(check([...CLEAN, read(3, 6.5)], PRESENT, { ...OPTIONS, unreachable })).toEqual(NOTHING);
    expect(check([...CLEAN, read(3, 7.5)], PRESENT, { ...OPTIONS, unreachable }).stale).toHaveLength(1);
  });

  it("finds a read that did not see the write whose token it carried", () => {
    const found = check([...CLEAN, read(6, 8.1, { token: 7 })], PRESENT, OPTIONS);
    expect(found).toEqual({
      ...NOTHING,
      unread: [{ client: "r", account: "a", seen: 6, due: 7, at: 8_100 }],
    });
  });

  it("finds two members that acknowledge commits at the same time", () => {
    const split = [
      ...[1, 2, 3, 4, 5].map((second) => write(second, second, { reign: "1 one" })),
      ...[3, 4, 5, 6].map((second) => write(second, second, { client: "b", reign: "2 two" })),
    ];
    const present = [
      ...[1, 2, 3, 4, 5].map((number) => ({ client: "a", number })),
      ...[3, 4, 5, 6].map((number) => ({ client: "b", number })),
    ];
    expect(check(split, present, OPTIONS)).toEqual({ ...NOTHING, overlap_seconds: 1.99 });
  });

  it("does not take a late answer of the former primary for a second one", () => {
    // Begun before the change and answered after the successor's first.
    const late = [
      write(1, 1, { reign: "1 one" }),
      write(2, 3, { reign: "1 one", from: 1_500 }),
      write(3, 2, { client: "b", reign: "2 two" }),
    ];
    const present = [
      { client: "a", number: 1 },
      { client: "a", number: 2 },
      { client: "b", number: 3 },
    ];
    expect(check(late, present, OPTIONS)).toEqual(NOTHING);
  });

  it("takes a member that leads twice for two reigns", () => {
    const back = [
      write(1, 1, { reign: "1 one" }),
      write(2, 2, { reign: "2 two" }),
      write(3, 3, { reign: "3 one" }),
    ];
    const present = [1, 2, 3].map((number) => ({ client: "a", number }));
    expect(check(back, present, OPTIONS)).toEqual(NOTHING);
  });
});
