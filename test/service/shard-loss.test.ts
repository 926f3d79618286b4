import { setTimeout as pause } from "node:timers/promises";
import calculateSlot from "cluster-key-slot";
import type { Cluster } from "ioredis";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

import { PEER_CHANNEL } from "../../service/src/cache/keys.ts";
import { redisClient } from "../support/clients.ts";
import { disconnect, eventually, killMainProcess } from "../support/faults.ts";
import { redisWhole } from "../support/redis-state.ts";
import { connect, stack } from "./stack.ts";
import { newAddress, setBalance } from "./support/accounts.ts";
import { ApiProcess } from "./support/api-process.ts";
import { MovingValue } from "./support/moving-value.ts";
import { latencyAt, SteadyLoad } from "./support/steady-load.ts";

/** The service's own limits, as empty variables stand for them: what a lost shard costs depends on them. */
const ENVIRONMENT = {
  REDIS_COMMAND_TIMEOUT_MS: "",
  REDIS_CONNECT_TIMEOUT_MS: "",
  DB_CONNECT_TIMEOUT_MS: "",
  DB_QUERY_TIMEOUT_MS: "",
};
/** The service's default of cache.maxStaleness. */
const BOUND_MS = 2000;
const PER_SECOND = 120;
/** Of load before the fault, and at least after it: over a thousand requests each, so that a percentile means something. */
const SPAN_MS = 10_000;
/** What a lost shard may add at the 99th percentile. */
const ADDED_MS = 500;
const ACCOUNTS = 60;
const CHANNEL_SLOT = calculateSlot(PEER_CHANNEL);

interface Balance {
  readonly balance: number;
}
interface Page {
  readonly transactions: readonly { hash: string }[];
}

const healthyOfThree = { status: "healthy", redis: 3 };

describe.skipIf(!stack)("two API processes under load while one Redis primary is", () => {
  let apis: readonly [ApiProcess, ApiProcess];
  let owner: Client;
  let redis: Cluster;

  beforeAll(async () => {
    if (!stack) return;
    owner = await connect(stack.owner);
    apis = await Promise.all([ApiProcess.start("i", ENVIRONMENT), ApiProcess.start("j", ENVIRONMENT)]);
    await redisWhole(3);
  });

  afterAll(async () => {
    await Promise.all((apis ?? []).map((api) => api.stop()));
    await owner?.end();
  });

  let turn = 0;
  const api = (): ApiProcess => apis[turn++ % 2] as ApiProcess;

  /** Published port of the primary that carries the instances' own channel: the one whose loss takes the most away. */
  const busiestPort = (): number => Number(redis.slots[CHANNEL_SLOT]?.[0]?.split(":")[1]);

  /**
   * Resolves with a wait until the busiest primary is another one. Asked over a session that is open with another member: programs
   * that are started in the members would take the processor from what is measured.
   */
  async function watchBusiest(): Promise<() => Promise<void>> {
    const port = busiestPort();
    const witness = redis.nodes("master").find(({ options }) => options.port !== port);
    const owner = async () => {
      const ranges = await witness?.cluster("SLOTS");
      const range = ranges?.find(([first, last]) => first <= CHANNEL_SLOT && CHANNEL_SLOT <= last);
      return range?.[2]?.[2];
    };
    const before = await owner();
    return () => eventually("another member leads the shard", async () => (await owner()) !== before);
  }

  /** Load of one shape: what it asks for, and what keeps changing meanwhile. */
  async function trade() {
    const accounts = Array.from({ length: ACCOUNTS }, (_, at) => ({
      address: newAddress(),
      balance: at + 1,
    }));
    for (const { address, balance } of accounts) await setBalance(owner, address, balance);
    const payer = newAddress();
    await setBalance(owner, payer, 1_000_000);
    const order = (to: string, nonce: number) => ({ from: payer, to, amount: 1, nonce });
    let nonce = 0;
    const histories: { address: string; hash: string }[] = [];
    for (let at = 0; at < 20; at++) {
      const address = newAddress();
      const { body } = await api().transfer(order(address, ++nonce), `${nonce}`);
      histories.push({ address, hash: String(body.tx_hash) });
    }
    const foreign = { address: newAddress(), value: new MovingValue(1, BOUND_MS) };
    const credited = { address: newAddress(), value: new MovingValue(0, BOUND_MS) };
    await setBalance(owner, foreign.address, 1);
    let ended = false;
    const writing = (async () => {
      while (!ended) {
        const { last } = foreign.value;
        await foreign.value.raise(last + 1, () => setBalance(owner, foreign.address, last + 1));
        await pause(400);
      }
    })();

    const read = async (address: string, judge: (balance: number, asked: number) => string | undefined) => {
      const asked = performance.now();
      const { status, body } = await api().get<Balance>(`/balance/${address}`);
      return status === 200 ? judge(body.balance, asked) : `a read answered ${status}`;
    };
    let booking = Promise.resolve<unknown>(undefined);
    const write = async (): Promise<string | undefined> => {
      // One after the other: the nonce is the sender's.
      const mine = booking.then(async () => {
        const { last } = credited.value;
        let status = 0;
        await credited.value.raise(last + 1, async () => {
          ({ status } = await api().transfer(order(credited.address, ++nonce), `${nonce}`));
        });
        return status === 200 ? undefined : `a write answered ${status}`;
      });
      booking = mine.catch(() => undefined);
      return await mine;
    };
    let shot = 0;
    const load = new SteadyLoad(PER_SECOND, async () => {
      const at = shot++;
      if (at % 60 === 0) return await write();
      if (at % 10 === 1)
        return await read(newAddress(), (balance) => (balance === 0 ? undefined : "wrong balance"));
      if (at % 10 === 2) return await read(foreign.address, (...seen) => foreign.value.judge(...seen));
      if (at % 10 === 3) return await read(credited.address, (...seen) => credited.value.judge(...seen));
      if (at % 10 < 7) {
        const account = accounts[at % ACCOUNTS];
        return await read(account?.address ?? "", (balance) =>
          balance === account?.balance ? undefined : "wrong balance",
        );
      }
      const history = histories[at % histories.length];
      const { status, body } = await api().get<Page>(`/transactions/${history?.address}`);
      if (status !== 200) return `a history answered ${status}`;
      return body.transactions.map(({ hash }) => hash).join() === history?.hash ? undefined : "wrong history";
    });
    return {
      load,
      async stop() {
        ended = true;
        await Promise.all([load.stop(), writing]);
      },
    };
  }

  /** Compares the load while `fault` acts with the same load just before. */
  async function survive(name: string, fault: (member: string) => Promise<void>): Promise<void> {
    redis = redisClient();
    await redis.get("dujyo:any");
    const port = busiestPort();
    const ordinal = inject("connection").redis.findIndex(({ published }) => published === port);
    const { load, stop } = await trade();
    let begin = 0;
    let lost = 0;
    try {
      // The first second fills the caches.
      await pause(2000);
      begin = performance.now();
      await pause(SPAN_MS);
      lost = performance.now();
      await Promise.all([pause(SPAN_MS), fault(`redis-${ordinal}`)]);
    } finally {
      await stop();
      redis.disconnect();
      await redisWhole(3);
    }
    const [before, during] = [load.between(begin, lost), load.between(lost, Number.POSITIVE_INFINITY)];
    const [usual, then] = [latencyAt(0.99, before), latencyAt(0.99, during)];
    console.log(
      `${name}: 99th percentile ${usual.toFixed(0)} ms over ${before.length} requests before, ${then.toFixed(0)} ms over ${during.length} during; slowest ${latencyAt(1, during).toFixed(0)} ms`,
    );
    expect(load.complaints()).toEqual({});
    expect(before.length).toBeGreaterThan(1000);
    expect(during.length).toBeGreaterThan(1000);
    expect(then - usual).toBeLessThanOrEqual(ADDED_MS);
  }

  /** What `/health/detailed` says of each, and the breakers that it tells of. */
  async function healths() {
    return await Promise.all(
      apis.map(async (each) => {
        const { body } = await each.get<{
          status: string;
          metrics: { circuit_breakers: Record<string, string> };
        }>("/health/detailed");
        const redis = Object.keys(body.metrics.circuit_breakers).filter((name) => name.startsWith("redis "));
        return { status: body.status, redis: redis.length };
      }),
    );
  }

  it("killed: every request gets its normal answer, 500 ms later at most at the 99th percentile", async () => {
    await survive("killed", async (member) => {
      await killMainProcess(member);
    });
  });

  it("cut off until its replica leads: every request gets its normal answer, 500 ms later at most at the 99th percentile", async () => {
    await survive("cut off", async (member) => {
      const anotherLeads = await watchBusiest();
      const reconnect = await disconnect(member);
      try {
        await anotherLeads();
      } finally {
        await reconnect();
      }
    });
  });

  it("is gone: healthy again within a minute, without a request, and nothing is told of a node that owns no slots", async () => {
    await expect.poll(healths, { timeout: 60_000, interval: 500 }).toEqual([healthyOfThree, healthyOfThree]);
  });
});
