import { describe, expect, it } from "vitest";

import { NodeReader, type ReplayedRow } from "../../../service/src/database/node-reader.ts";
import type { BoundedPool } from "../../../service/src/database/pools.ts";
import { PrimaryClock } from "../../../service/src/database/primary-clock.ts";
import type { ReadLane } from "../../../service/src/database/read-lane.ts";
import { Problem } from "../../../service/src/errors.ts";
import { createBreaker } from "../../../service/src/resilience/circuit-breaker.ts";

const STATEMENT = { name: "s", text: "SELECT" };
const socketError = (): Promise<never> => Promise.reject(new Error("connection terminated"));

function createReader(
  replica: () => Promise<ReplayedRow[]>,
  primary: () => Promise<ReplayedRow[]>,
  retries = 2,
) {
  const lane = (query: () => Promise<ReplayedRow[]>): ReadLane => ({
    query: query as ReadLane["query"],
  });
  const clock = new PrimaryClock(8000);
  const breaker = (name: string) =>
    createBreaker({ name, failures: 5, openMs: 1000, probe: async () => undefined });
  const breakers = { replica: breaker("replica"), primary: breaker("primary") };
  const reader = new NodeReader({
    replica: { lane: lane(replica), pool: {} as BoundedPool, breaker: breakers.replica },
    primary: { lane: lane(primary), breaker: breakers.primary },
    clock,
    retries,
    maxAgeMs: 1000,
    onFailure: () => undefined,
  });
  return { reader, clock, breakers };
}

const replayed =
  (lsn: string | null, at: number | null = null) =>
  async () => [{ replayed: lsn, replayed_at: at }];

describe("a read of a node", () => {
  it("is left to a replica that is close behind, and dated by the primary's log", async () => {
    const { reader, clock } = createReader(replayed("0/20"), replayed(null));
    const asked = Date.now() - 100;
    clock.note(asked, 0x20);
    clock.note(Date.now(), 0x30);
    expect(await reader.read(STATEMENT, [])).toMatchObject({ from: "replica", readAt: asked });
  });

  it("goes to the primary when the replica is further behind than allowed", async () => {
    const { reader, clock } = createReader(replayed("0/10"), replayed(null));
    clock.note(Date.now() - 1500, 0x10);
    clock.note(Date.now(), 0x30);
    expect((await reader.read(STATEMENT, [])).from).toBe("primary");
  });

  it("is content with that replica when the primary does not answer", async () => {
    const { reader, clock } = createReader(replayed("0/10"), socketError);
    clock.note(Date.now() - 1500, 0x10);
    clock.note(Date.now(), 0x30);
    expect((await reader.read(STATEMENT, [])).from).toBe("replica");
  });

  it("dates a replica that is further behind than the clock remembers by its last commit", async () => {
    const committed = Date.now() - 60_000;
    const { reader, clock } = createReader(replayed("0/10", committed), socketError);
    clock.note(Date.now() - 100, 0x20);
    expect(await reader.read(STATEMENT, [])).toMatchObject({ from: "replica", readAt: committed });
    expect(await reader.read(STATEMENT, [])).toMatchObject({ readAt: committed });
  });

  it("does not believe a server's clock that is ahead", async () => {
    const { reader, clock } = createReader(replayed("0/10", Date.now() + 60_000), socketError);
    const first = Date.now() - 100;
    clock.note(first, 0x20);
    expect(await reader.read(STATEMENT, [])).toMatchObject({ from: "replica", readAt: first });
  });

  it("serves nothing of an age that nobody can tell", async () => {
    const { reader, clock } = createReader(replayed("0/10", null), socketError);
    clock.note(Date.now() - 100, 0x20);
    await expect(reader.read(STATEMENT, [])).rejects.toMatchObject({ code: "unavailable" });
  });

  it.each([
    0, 1, 4,
  ])("is tried %i times more where the replica fails at once, one failure to the breaker", async (retries) => {
    let calls = 0;
    const counting = () => {
      calls++;
      return socketError();
    };
    const { reader, breakers } = createReader(counting, replayed(null), retries);
    for (let at = 0; at < 4; at++) expect((await reader.read(STATEMENT, [])).from).toBe("primary");
    expect(calls).toBe(4 * (1 + retries));
    expect(breakers.replica.state).toBe("closed");
    await reader.read(STATEMENT, []);
    expect(breakers.replica.state).toBe("open");
  });

  it("goes to the primary when the replica fails", async () => {
    const { reader } = createReader(socketError, replayed(null));
    expect((await reader.read(STATEMENT, [])).from).toBe("primary");
  });

  it("says that it is unavailable when no node answers", async () => {
    const { reader } = createReader(socketError, socketError);
    await expect(reader.read(STATEMENT, [])).rejects.toMatchObject({ code: "unavailable" });
  });

  it("does not burden the primary because a statement is wrong or too many wait", async () => {
    let asked = 0;
    const primary = async (): Promise<ReplayedRow[]> => {
      asked++;
      return [{ replayed: null, replayed_at: null }];
    };
    const wrong = createReader(
      () => Promise.reject(Object.assign(new Error("syntax"), { code: "42601" })),
      primary,
    );
    const full = createReader(() => Promise.reject(new Problem("overloaded")), primary);
    await expect(wrong.reader.read(STATEMENT, [])).rejects.toThrow("syntax");
    await expect(full.reader.read(STATEMENT, [])).rejects.toMatchObject({ code: "overloaded" });
    expect(asked).toBe(0);
  });
});
