import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { BoundedPool } from "../../../service/src/database/pools.ts";

const LIMITS = { size: 10, queue: 200, waitMs: 100 };

/** A pool that never connects: what its line is like is set, and loans are told of as the library does. */
function poolOf() {
  const login = { host: "127.0.0.1", port: 1, database: "d", user: "u", passwords: () => ["p"], ca: "" };
  const timeouts = { connectTimeoutMs: 1, queryTimeoutMs: 1, onError: () => undefined };
  const bounded = new BoundedPool({ login, limits: LIMITS, name: "test", ...timeouts });
  let waiting = 0;
  Object.defineProperty(bounded.pool, "waitingCount", { get: () => waiting });
  return {
    bounded,
    /** Whether the line is full with so many in it. */
    full: (count: number) => {
      waiting = count;
      return bounded.full;
    },
    /** Whether it is for one more with so many in it, and so many under way. */
    fullFor: (count: number, underWay: number) => {
      waiting = count;
      return bounded.fullFor(underWay);
    },
    lend: (ms: number, times: number) => {
      for (let loan = 0; loan < times; loan++) {
        const client = {} as never;
        bounded.pool.emit("acquire", client);
        vi.advanceTimersByTime(ms);
        bounded.pool.emit("release", undefined as never, client);
      }
    },
  };
}

describe("the line for a pool's connections", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("has room for as many as may wait while nothing is known of how long it takes", () => {
    const { full } = poolOf();
    expect([full(0), full(LIMITS.queue), full(LIMITS.queue + 1)]).toEqual([false, false, true]);
  });

  it("is no longer than what is lent again in the time that a request may wait", () => {
    const { full, lend, bounded } = poolOf();
    // Ten connections lent for 20 ms each: 50 loans in 100 ms.
    lend(20, 400);
    expect([full(49), full(51)]).toEqual([false, true]);
    expect(() => bounded.admit()).toThrow("too many requests wait for the database");
  });

  it("does not take one stall for the time that all loans will take, but a change that stays", () => {
    const { full, lend } = poolOf();
    lend(10, 400);
    lend(300, LIMITS.size);
    // 10 ms became 15 at most: 60 may wait. The plain mean would be 63.
    expect([full(60), full(70)]).toEqual([false, true]);
    lend(100, 200);
    expect([full(10), full(11)]).toEqual([false, true]);
  });

  it("counts who has not come to it yet", () => {
    const { fullFor, lend } = poolOf();
    lend(20, 400);
    // Ten have a connection; fifty may wait.
    expect([fullFor(0, 59), fullFor(0, 61), fullFor(51, 0)]).toEqual([false, true, true]);
  });

  it("lets one wait for each connection however slow they were, and finds out soon that they are quick again", () => {
    const { full, lend } = poolOf();
    lend(8_000, 5);
    expect([full(LIMITS.size - 1), full(LIMITS.size)]).toEqual([false, true]);
    lend(5, 400);
    expect(full(100)).toBe(false);
  });
});
