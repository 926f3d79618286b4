import { setTimeout as pause } from "node:timers/promises";

import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect, stack } from "./stack.ts";
import { calls, newAddress, setBalance } from "./support/accounts.ts";
import { ApiProcess } from "./support/api-process.ts";

const TTL_MS = 12_000;
const REQUESTS = 1000;

/** Long enough that a slow machine's storm ends before anything expires, or is distrusted, a second time. */
const ENVIRONMENT = {
  CACHE_TTL_BALANCE_MS: String(TTL_MS),
  CACHE_JITTER_PERCENT: "0",
  CACHE_MAX_STALENESS_MS: "60000",
  CACHE_LEASE_MS: "20000",
};

/** What it does not show: that entries stay within the staleness bound; see coherence.test.ts. */
describe.skipIf(!stack)("a thousand simultaneous requests to two processes", () => {
  let processes: ApiProcess[] = [];
  let sessions: Client[] = [];

  beforeAll(async () => {
    if (!stack) return;
    sessions = await Promise.all([connect(stack.owner), ...stack.members.map(connect)]);
    processes = await Promise.all([ApiProcess.start("c", ENVIRONMENT), ApiProcess.start("d", ENVIRONMENT)]);
  });

  afterAll(async () => {
    await Promise.all(processes.map((api) => api.stop()));
    await Promise.all(sessions.map((session) => session.end()));
  });

  const queries = async (): Promise<number> => {
    const counts = await Promise.all(
      sessions.slice(1).map((node) => calls(node, "LEFT JOIN balances b ON b.address = $1")),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };

  const storm = async (address: string): Promise<Set<unknown>> => {
    const answers = await Promise.all(
      Array.from({ length: REQUESTS }, (_, at) => processes[at % 2]?.get(`/balance/${address}`)),
    );
    return new Set(answers.map((answer) => `${answer?.status} ${answer?.body.balance}`));
  };

  it("for a cold key, and again for the expired one, cost one query", async () => {
    const address = newAddress();
    const [owner] = sessions;
    if (owner) await setBalance(owner, address, 9);
    // Opens the connections, so that the storm is one.
    await storm(newAddress());
    const before = await queries();
    expect(await storm(address)).toEqual(new Set(["200 9"]));
    expect((await queries()) - before).toBe(1);

    await pause(TTL_MS + 100);
    expect(await storm(address)).toEqual(new Set(["200 9"]));
    expect((await queries()) - before).toBe(2);
  });
});
