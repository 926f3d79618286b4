import { describe, expect, it } from "vitest";

import { NodeReader, type ReplayedRow } from "../../../service/src/database/node-reader.ts";
import type { BoundedPool } from "../../../service/src/database/pools.ts";
import { PrimaryClock } from "../../../service/src/database/primary-clock.ts";
import type { ReadLane } from "../../../service/src/database/read-lane.ts";
import { Problem } from "../../../service/src/errors.ts";
import { createBreaker } from "../../../service/src/resilience/circuit-breaker.ts";

const STATEMENT = { name: "s", text: "SELECT" };
const socketError = (): Promise<never> => Promise.reject(new Error("connection terminated"));

function createReader(replica: () => Promise<ReplayedRow[]>, primary: () => Promise<ReplayedRow[]>) {
  const lane = (query: () => Promise<ReplayedRow[]>): ReadLane => ({
    query: query as ReadLane["query"],
    close: async () => undefined,
  });
  const clock = new PrimaryClock(8000);
  const breaker = (name: string) => createBreaker({ name, failures: 5, openMs: 1000 });
  const reader = new NodeReader({
    replica: { lane: lane(replica), pool: {} as BoundedPool, breaker: breaker("replica") },
    primary: { lane: lane(primary), breaker: breaker("primary") },
    clock,
    maxAgeMs: 1000,
    onFailure: () => undefined,
  });
  return { reader, clock };
}

const replayed = (lsn: string | null) => async () => [{ replayed: lsn }];

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
      return [{ replayed: null }];
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
