import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Change } from "../../../service/src/cache/coherence.ts";
import { UnsettledAccounts } from "../../../service/src/ledger/unsettled.ts";

const EVERY_MS = 500;
const KEEP_MS = 1600;

describe("accounts whose booking has an unknown outcome", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** @param version of every account. */
  function create(version: () => number | Promise<number> = () => 7) {
    const superseded: Change[] = [];
    const questions: number[] = [];
    const errors: unknown[] = [];
    const accounts = new UnsettledAccounts({
      keepMs: KEEP_MS,
      everyMs: EVERY_MS,
      versions: async (addresses) => {
        questions.push(addresses.length);
        const found = await version();
        return addresses.map((address) => [address, found]);
      },
      supersede: async (changes) => void superseded.push(...changes),
      onError: (error) => errors.push(error),
    });
    return { accounts, superseded, questions, errors };
  }

  it("are all asked for in every look, however many, and marked with what is found", async () => {
    const { accounts, superseded, questions } = create();
    const addresses = Array.from({ length: 1234 }, (_, at) => `DU${at}`);
    accounts.add(addresses);
    await vi.advanceTimersByTimeAsync(EVERY_MS);

    expect(superseded).toEqual(addresses.map((address) => [address, 7]));
    expect(Math.max(...questions)).toBeLessThanOrEqual(500);
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    expect(superseded).toHaveLength(2 * addresses.length);
    accounts.stop();
  });

  it("are asked for until no server can be working on it any more, and not after", async () => {
    const { accounts, questions } = create();
    accounts.add(["DUa"]);
    await vi.advanceTimersByTimeAsync(10 * EVERY_MS);

    expect(questions).toEqual([1, 1, 1, 1]);
    expect(accounts.size).toBe(0);
    accounts.add(["DUb"]);
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    expect(questions).toHaveLength(5);
    accounts.stop();
  });

  it("wait on while the primary does not answer", async () => {
    let down = true;
    const { accounts, superseded, errors } = create(() => {
      if (down) throw new Error("no primary");
      return 8;
    });
    accounts.add(["DUa"]);
    await vi.advanceTimersByTimeAsync(2 * KEEP_MS);
    expect(accounts.size).toBe(1);
    expect(errors.length).toBeGreaterThan(3);

    down = false;
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    expect(superseded).toEqual([["DUa", 8]]);
    expect(accounts.size).toBe(0);
  });

  it("stay when they come again while they are asked for", async () => {
    const { accounts } = create(() => {
      accounts.add(["DUa"]);
      return 7;
    });
    accounts.add(["DUa"]);
    await vi.advanceTimersByTimeAsync(3 * KEEP_MS);

    expect(accounts.size).toBe(1);
    accounts.stop();
  });

  it("are let go of at the end", async () => {
    const { accounts, questions } = create();
    accounts.add(["DUa"]);
    accounts.stop();
    await vi.advanceTimersByTimeAsync(2 * EVERY_MS);

    expect(questions).toEqual([]);
  });
});
