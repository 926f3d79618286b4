import { setTimeout as pause } from "node:timers/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { PipelinedLane } from "../../../service/src/database/pipelined-lane.ts";
import type { BoundedPool } from "../../../service/src/database/pools.ts";

/** What each borrowed connection was sent, and how to answer it. */
const loans: { sent: string[]; answer: () => void; fail: (error: Error) => void; released?: unknown[] }[] =
  [];

function loan() {
  const waiting: { resolve: (answer: unknown) => void; reject: (error: Error) => void; value: string }[] = [];
  const seen: (typeof loans)[number] = {
    sent: [],
    answer: () => {
      for (const { resolve, value } of waiting.splice(0)) resolve({ rows: [{ value }] });
    },
    fail: (error) => waiting.shift()?.reject(error),
  };
  loans.push(seen);
  return {
    query: ({ values: [value = ""] }: { values: string[] }) => {
      seen.sent.push(value);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject, value }));
    },
    release: (...how: unknown[]) => {
      seen.released = how;
    },
  };
}

interface FakePool {
  readonly limit: number;
  readonly queueLimit: number;
  readonly connect: () => Promise<unknown>;
  waiting: () => number;
}
const poolOf = (limit: number, connect: () => Promise<unknown> = async () => loan()): FakePool => ({
  ...{ limit, queueLimit: 100, connect, waiting: () => 0 },
});
const laneOf = (pool: FakePool) =>
  new PipelinedLane(
    {
      ...{ limit: pool.limit, queueLimit: pool.queueLimit, pool: { connect: pool.connect } },
      countWaiting: (waiting: () => number) => {
        pool.waiting = waiting;
      },
    } as unknown as BoundedPool,
    100,
  );
const ask = (lane: PipelinedLane, count: number) =>
  Array.from({ length: count }, (_, at) => lane.query({ name: "s", text: "SELECT $1" }, [String(at)]));

describe("the pipelined lane", () => {
  beforeEach(() => {
    loans.length = 0;
  });

  it("sends what is asked for in one turn as one batch on one connection, and answers each with its own rows", async () => {
    const answers = ask(laneOf(poolOf(4)), 8);
    await vi.waitFor(() => expect(loans[0]?.sent).toHaveLength(8));
    expect(loans).toHaveLength(1);
    loans[0]?.answer();
    expect((await Promise.all(answers)).map(([row]) => row?.value)).toEqual([..."01234567"]);
    await vi.waitFor(() => expect(loans[0]?.released).toEqual([undefined]));
  });

  it("takes another connection for every eight that wait, and no more than it may", async () => {
    void ask(laneOf(poolOf(3)), 100);
    await vi.waitFor(() => expect(loans).toHaveLength(3));
    expect(loans.map(({ sent }) => sent.length)).toEqual([32, 32, 32]);
  });

  it("takes another connection for one that waits behind a slow statement", async () => {
    const lane = laneOf(poolOf(2));
    void ask(lane, 1);
    await vi.waitFor(() => expect(loans[0]?.sent).toEqual(["0"]));
    void lane.query({ name: "s", text: "SELECT $1" }, ["behind"]);
    await vi.waitFor(() => expect(loans[1]?.sent).toEqual(["behind"]));
  });

  it("leaves a further statement until the connection at work is free, where that is soon", async () => {
    const lane = laneOf(poolOf(2));
    const [first] = ask(lane, 1);
    await vi.waitFor(() => expect(loans[0]?.sent).toEqual(["0"]));
    const second = lane.query({ name: "s", text: "SELECT $1" }, ["second"]);
    loans[0]?.answer();
    await first;
    await vi.waitFor(() => expect(loans[1]?.sent).toEqual(["second"]));
    expect(loans[0]?.released).toBeDefined();
    loans[1]?.answer();
    await second;
    await pause(20);
    expect(loans).toHaveLength(2);
  });

  it("fails the one statement that failed, and gives its connection up", async () => {
    const answers = Promise.allSettled(ask(laneOf(poolOf(1)), 2));
    await vi.waitFor(() => expect(loans[0]?.sent).toHaveLength(2));
    const failure = new Error("canceling statement due to conflict with recovery");
    loans[0]?.fail(failure);
    loans[0]?.answer();
    expect(await answers).toEqual([
      { status: "rejected", reason: failure },
      { status: "fulfilled", value: [{ value: "1" }] },
    ]);
    await vi.waitFor(() => expect(loans[0]?.released).toEqual([failure]));
  });

  it("fails all that wait when there is no connection, and asks for one again afterwards", async () => {
    let refused = true;
    let attempts = 0;
    const lane = laneOf(
      poolOf(1, async () => {
        attempts++;
        if (refused) throw new Error("connect ECONNREFUSED");
        return loan();
      }),
    );
    const answers = await Promise.allSettled(ask(lane, 40));
    expect(answers.every(({ status }) => status === "rejected")).toBe(true);
    expect(attempts).toBe(1);
    refused = false;
    void ask(lane, 1);
    await vi.waitFor(() => expect(loans[0]?.sent).toEqual(["0"]));
  });

  it("tells the pool how many wait, and refuses one more than may", async () => {
    const pool = poolOf(1);
    const lane = laneOf(pool);
    void ask(lane, 100);
    expect(pool.waiting()).toBe(100);
    await expect(ask(lane, 1)[0]).rejects.toMatchObject({ code: "overloaded" });
    await vi.waitFor(() => expect(pool.waiting()).toBe(68));
  });
});
