import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Upkeep, type UpkeepArgs } from "../../../service/src/ledger/upkeep.ts";

const MINUTE = 60_000;

describe("upkeep", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function create(answer: (text: string) => void = () => undefined) {
    const asked: { text: string; query_timeout: number }[] = [];
    const errors: unknown[] = [];
    const pool = {
      query: async (config: { text: string; query_timeout: number }) => {
        asked.push(config);
        answer(config.text);
      },
    };
    const upkeep = new Upkeep({
      pool: { pool: pool as unknown as UpkeepArgs["pool"]["pool"] },
      onError: (error) => errors.push(error),
    });
    const count = (what: string) => asked.filter(({ text }) => text.includes(what)).length;
    return { upkeep, asked, errors, count };
  }

  it("begins at once, and goes on at its pace", async () => {
    const { upkeep, count } = create();
    upkeep.start();
    await vi.advanceTimersByTimeAsync(0);
    expect([count("ensure_partitions"), count("refresh_top_holders")]).toEqual([1, 1]);

    await vi.advanceTimersByTimeAsync(67 * MINUTE);
    expect(count("ensure_partitions")).toBe(2);
    expect(count("refresh_top_holders")).toBeGreaterThanOrEqual(1 + Math.floor(67 / 5.5));
    upkeep.stop();
  });

  it("makes as many months ahead as the alerts expect, which is the database's own number", async () => {
    const { upkeep, asked } = create();
    upkeep.start();
    await vi.advanceTimersByTimeAsync(0);
    upkeep.stop();

    expect(asked.map(({ text }) => text)).toContain("SELECT ensure_partitions()");
  });

  it("gives the refresh more time than a request, on both sides of the connection", async () => {
    const { upkeep, asked } = create();
    upkeep.start();
    await vi.advanceTimersByTimeAsync(0);
    upkeep.stop();
    const refresh = asked.find(({ text }) => text.includes("refresh_top_holders"));
    const seconds = Number(/SET LOCAL statement_timeout = '(\d+)s'/.exec(refresh?.text ?? "")?.[1]);

    expect(seconds).toBeGreaterThan(10);
    // The role's transactions end after 30 s (config/postgres/roles.sql).
    expect(seconds).toBeLessThan(30);
    expect(refresh?.query_timeout).toBeGreaterThan(seconds * 1000);
  });

  it("repeats within about a minute what failed, and the other task does not wait for it", async () => {
    let down = true;
    const { upkeep, errors, count } = create((text) => {
      if (down && text.includes("ensure_partitions")) throw new Error("no primary");
    });
    upkeep.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(errors).toHaveLength(1);
    expect(count("refresh_top_holders")).toBe(1);

    down = false;
    await vi.advanceTimersByTimeAsync(1.2 * MINUTE);
    expect(count("ensure_partitions")).toBe(2);
    expect(errors).toHaveLength(1);
    upkeep.stop();
  });

  it("asks nothing after the end", async () => {
    const { upkeep, asked } = create();
    upkeep.start();
    upkeep.stop();
    await vi.advanceTimersByTimeAsync(70 * MINUTE);

    expect(asked).toHaveLength(2);
  });
});
