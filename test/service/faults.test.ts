import { setTimeout as pause } from "node:timers/promises";

import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { command, connect, stack } from "./stack.ts";
import { newAddress, setBalance } from "./support/accounts.ts";
import { ApiProcess } from "./support/api-process.ts";
import { SteadyLoad } from "./support/steady-load.ts";

interface Balance {
  readonly balance: number;
}

const ENVIRONMENT = {
  REDIS_COMMAND_TIMEOUT_MS: "500",
  DB_CONNECT_TIMEOUT_MS: "1000",
  DB_QUERY_TIMEOUT_MS: "1000",
  DB_WRITE_TIMEOUT_MS: "2000",
  BREAKER_OPEN_MS: "3000",
  CACHE_TTL_BALANCE_MS: "2000",
};

/** Each fault is ended even if its test fails: the next one starts from a whole stack. */
describe.skipIf(!stack)("two API processes while parts of the stack are lost", () => {
  let a: ApiProcess;
  let b: ApiProcess;
  let owner: Client;

  beforeAll(async () => {
    if (!stack) return;
    owner = await connect(stack.owner);
    [a, b] = await Promise.all([ApiProcess.start("e", ENVIRONMENT), ApiProcess.start("f", ENVIRONMENT)]);
  });

  afterEach(async () => {
    for (const api of [a, b]) {
      await expect.poll(() => api.trusted(), { timeout: 60_000, interval: 200 }).toBe(true);
    }
  });

  afterAll(async () => {
    await Promise.all([a?.stop(), b?.stop()]);
    await owner?.end();
  });

  const balanceOf = (api: ApiProcess, address: string) => api.get<Balance>(`/balance/${address}`);

  async function breakers(api: ApiProcess): Promise<Record<string, string>> {
    return (await api.get<{ circuit_breakers: Record<string, string> }>("/metrics")).body.circuit_breakers;
  }

  interface Health {
    readonly status: string;
    readonly database: Record<string, unknown>;
  }

  const health = async (api: ApiProcess): Promise<Health> => (await api.get<Health>("/health/detailed")).body;

  /** Until every part is well again, with nobody asking for anything that a breaker guards. */
  async function wellWithoutTraffic(api: ApiProcess): Promise<void> {
    await expect
      .poll(() => health(api), { timeout: 60_000, interval: 300 })
      .toMatchObject({ status: "healthy" });
    expect(new Set(Object.values(await breakers(api)))).toEqual(new Set(["closed"]));
  }

  it("answer every read without Redis, within the bound, and use it again when it is back", async () => {
    const address = newAddress();
    await setBalance(owner, address, 1);
    await balanceOf(a, address);
    await command("stopRedis");
    try {
      for (let at = 0; at < 30; at++) {
        expect((await balanceOf(at % 2 ? a : b, newAddress())).status).toBe(200);
      }
      await setBalance(owner, address, 2);
      const written = Date.now();
      for (const api of [a, b]) {
        await expect.poll(async () => (await balanceOf(api, address)).body.balance, { interval: 20 }).toBe(2);
      }
      expect(Date.now() - written).toBeLessThanOrEqual(2000);
      const [from, to] = [newAddress(), newAddress()];
      await setBalance(owner, from, 10);
      await balanceOf(b, from);
      expect((await a.transfer({ from, to, amount: 1, nonce: 1 }, "k")).status).toBe(200);
      // Without the instances' channel, the database carries the news.
      await expect.poll(async () => (await balanceOf(b, from)).body.balance, { timeout: 2000 }).toBe(9);
    } finally {
      await command("startRedis");
    }
    for (const api of [a, b]) await wellWithoutTraffic(api);
    await expect
      .poll(
        async () => {
          const fresh = newAddress();
          await balanceOf(a, fresh);
          return (await balanceOf(b, fresh)).origin;
        },
        { timeout: 60_000, interval: 300 },
      )
      .toBe("redis");
  });

  it("answer from the primary while every replica is lost, the requests of that moment among them", async () => {
    let shot = 0;
    // Nobody has read these accounts before: each request goes to a node.
    const load = new SteadyLoad(20, async () => {
      const { status, body } = await balanceOf(shot++ % 2 ? a : b, newAddress());
      return status === 200 && body.balance === 0 ? undefined : `${status} ${JSON.stringify(body)}`;
    });
    try {
      await command("stopReplicas");
      await load.stop();
      expect(load.complaints()).toEqual({});
      for (let at = 0; at < 20; at++) {
        const { status, origin } = await balanceOf(at % 2 ? a : b, newAddress());
        expect([status, origin]).toEqual([200, "primary"]);
      }
      expect(await health(a)).toMatchObject({
        status: "degraded",
        database: { status: "degraded", read_replicas_healthy: 0, total_read_replicas: 2 },
      });
      const { body } = await a.get<{ replicas: { is_healthy: boolean }[] }>("/admin/database/stats");
      expect(body.replicas.map(({ is_healthy }) => is_healthy)).toEqual([false, false]);
    } finally {
      await load.stop();
      await command("startReplicas");
    }
    await expect
      .poll(() => health(a), { timeout: 60_000, interval: 300 })
      .toMatchObject({
        database: { status: "healthy", read_replicas_healthy: 2 },
      });
    await expect
      .poll(async () => (await balanceOf(a, newAddress())).origin, { timeout: 60_000, interval: 300 })
      .toBe("replica");
  });

  it("open their breakers without a node, serve what they know as stale, and recover through a probe", async () => {
    const address = newAddress();
    await setBalance(owner, address, 4);
    await expect.poll(async () => (await balanceOf(a, address)).body.balance).toBe(4);
    await command("stopDatabase");
    try {
      await expect.poll(async () => (await balanceOf(a, newAddress())).status, { timeout: 10_000 }).toBe(503);
      await expect
        .poll(
          async () => {
            await balanceOf(a, newAddress());
            return await breakers(a);
          },
          { timeout: 40_000 },
        )
        .toMatchObject({ "replica reads": "open", "primary reads": "open" });
      const order = { from: newAddress(), to: newAddress(), amount: 1, nonce: 1 };
      await expect
        .poll(
          async () => {
            await a.transfer(order, "lost");
            return (await breakers(a)).writes;
          },
          { timeout: 60_000 },
        )
        .toBe("open");
      expect((await health(a)).status).toBe("degraded");
      // What all instances share takes none of them out.
      expect((await a.get("/health/ready")).status).toBe(200);
      const begin = Date.now();
      const refused = await balanceOf(a, newAddress());
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toBe("1");
      expect(Date.now() - begin).toBeLessThan(900);

      await expect
        .poll(async () => (await balanceOf(a, address)).origin, { timeout: 20_000, interval: 100 })
        .toBe("stale");
      const stale = await balanceOf(a, address);
      expect(stale.body.balance).toBe(4);
      expect(Number(stale.headers.get("age"))).toBeGreaterThanOrEqual(2);
      // Not for a read that has to have seen something newer.
      const newer = await a.get(`/balance/${address}`, { "x-read-after": `0/1;${address}=9` });
      expect(newer.status).toBe(503);
    } finally {
      await command("startDatabase");
    }
    await wellWithoutTraffic(a);
    expect((await balanceOf(a, newAddress())).status).toBe(200);
  });

  it("say that a write's outcome is unknown, and book it once when it is repeated", async () => {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 10);
    const order = { from, to, amount: 3, nonce: 1 };
    // The sender's row is held by someone else for longer than the service waits for an answer.
    const holder = await connect((stack as NonNullable<typeof stack>).owner);
    await holder.query("BEGIN");
    await holder.query("SELECT FROM balances WHERE address = $1 FOR UPDATE", [from]);
    const first = await a.transfer(order, "k");
    await holder.query("ROLLBACK");
    await holder.end();
    expect(first.body).toMatchObject({
      status: 503,
      code: expect.stringMatching(/commit_unknown|unavailable/),
    });
    await expect
      .poll(async () => (await a.transfer(order, "k")).status, { timeout: 20_000, interval: 500 })
      .toBe(200);
    await expect.poll(async () => (await balanceOf(b, from)).body.balance, { timeout: 2000 }).toBe(7);
  });

  it("lose no request when one of them is told to stop", async () => {
    const g = await ApiProcess.start("g");
    const address = newAddress();
    await setBalance(owner, address, 1);
    const statuses: Record<string, number> = {};
    let stopping = false;
    // A balancer in small: asks for readiness, and sends on to whoever is ready.
    const clients = Array.from({ length: 8 }, async () => {
      for (;;) {
        const ready = await g.get("/health/ready").catch(() => undefined);
        if (ready?.status !== 200) return;
        const { status } = await balanceOf(g, newAddress());
        statuses[status] = (statuses[status] ?? 0) + 1;
      }
    });
    await pause(500);
    g.signal("SIGTERM");
    stopping = true;
    await Promise.all(clients);
    expect(stopping && (await g.ended())).toBe(0);
    expect(Object.keys(statuses)).toEqual(["200"]);
    expect(statuses[200]).toBeGreaterThan(10);
  });

  it("distrust what they hold when an instance dies between its commit and its message", async () => {
    const h = await ApiProcess.start("h", ENVIRONMENT);
    const before = await a.gaps();
    h.signal("SIGKILL");
    await expect.poll(() => a.gaps(), { timeout: 2000, interval: 50 }).toBeGreaterThan(before);
  });
});
