import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Flow } from "../../../service/src/resilience/flow.ts";

const LEAST = 4;

describe("what is under way", () => {
  let flow: Flow;
  let ends: (() => void)[];

  beforeEach(() => {
    vi.useFakeTimers();
    flow = new Flow(50, LEAST);
    ends = [];
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const begin = (count: number): void => {
    for (let at = 0; at < count; at++)
      void flow.run(() => new Promise<void>((resolve) => ends.push(resolve)));
  };
  /** As many as there are end, `ms` after they began, again and again. */
  const learn = async (count: number, ms: number): Promise<void> => {
    for (let time = 0; time < 400; time++) {
      begin(count);
      vi.advanceTimersByTime(ms);
      for (const end of ends.splice(0)) end();
      await Promise.resolve();
      await Promise.resolve();
    }
  };

  it("is as much as comes while nothing is known of how long it takes", () => {
    begin(1_000);
    expect(flow.full).toBe(false);
  });

  it("is no more than what ends in the time that one more may take", async () => {
    // The fourth of four takes 40 ms: ten a piece, so five in 50 ms.
    await learn(LEAST, 40);
    begin(5);
    expect(flow.full).toBe(false);
    begin(1);
    expect(flow.full).toBe(true);
    ends.shift()?.();
    await vi.waitFor(() => expect(flow.full).toBe(false));
  });

  it("may be a few however slow they are, from which nothing is learned", async () => {
    await learn(LEAST - 1, 10_000);
    begin(1_000);
    expect(flow.full).toBe(false);
    for (const end of ends.splice(0)) end();
    await learn(LEAST, 10_000);
    begin(LEAST - 1);
    expect(flow.full).toBe(false);
    begin(1);
    expect(flow.full).toBe(true);
  });

  it("counts what fails, too", async () => {
    for (let at = 0; at < LEAST; at++)
      await expect(flow.run(() => Promise.reject(new Error("away")))).rejects.toThrow("away");
    begin(1_000);
    expect(flow.full).toBe(false);
  });
});
