import { setTimeout as pause } from "node:timers/promises";
import calculateSlot from "cluster-key-slot";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

import { PEER_CHANNEL } from "../../service/src/cache/keys.ts";
import { redisClient } from "../support/clients.ts";
import { disconnect, eventually, killMainProcess } from "../support/faults.ts";
import { redisMember, redisWhole } from "../support/redis-state.ts";
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

  /** The ordinal of the primary that carries the instances' own channel: the one whose loss takes the most away. */
  async function busiestPrimary(): Promise<number> {
    const client = redisClient();
    try {
      await client.get("dujyo:any");
      const port = Number(client.slots[calculateSlot(PEER_CHANNEL)]?.[0]?.split(":")[1]);
      return inject("connection").redis.findIndex(({ published }) => published === port);
    } finally {
      client.disconnect();
    }
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
  async function survive(
    name: string,
    fault: (member: string, ordinal: number) => Promise<void>,
  ): Promise<void> {
    const ordinal = await busiestPrimary();
    const { load, stop } = await trade();
    let begin = 0;
    let lost = 0;
    try {
      // The first second fills the caches.
      await pause(2000);
      begin = performance.now();
      await pause(SPAN_MS);
      lost = performance.now();
      await Promise.all([pause(SPAN_MS), fault(`redis-${ordinal}`, ordinal)]);
    } finally {
      await stop();
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
    await survive("cut off", async (member, ordinal) => {
      const reconnect = await disconnect(member);
      try {
        const leads = async (other: number) =>
          other !== ordinal && (await redisMember(other)).role === "shard primary";
        await eventually("another member leads the shard", async () => {
          const others = await Promise.all(
            [0, 1, 2, 3, 4, 5].filter((other) => other !== ordinal).map(leads),
          );
          return others.filter(Boolean).length === 3;
        });
      } finally {
        await reconnect();
      }
    });
  });

  it("is gone: healthy again within a minute, without a request, and nothing is told of a node that owns no slots", async () => {
    await expect.poll(healths, { timeout: 60_000, interval: 500 }).toEqual([healthyOfThree, healthyOfThree]);
  });
});
