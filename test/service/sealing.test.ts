import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect, stack } from "./stack.ts";
import { newAddress, setBalance } from "./support/accounts.ts";
import { ApiProcess } from "./support/api-process.ts";

interface Page {
  readonly transactions: readonly { hash: string; status: string; block_height: number | null }[];
}
interface Blocks {
  readonly chain: readonly {
    height: number;
    hash: string;
    previous_hash: string;
    tx_count: number;
    transactions: readonly { hash: string }[];
  }[];
  readonly length: number;
}

describe.skipIf(!stack)("sealing by two processes at once", () => {
  let processes: ApiProcess[] = [];
  let owner: Client;

  beforeAll(async () => {
    if (!stack) return;
    owner = await connect(stack.owner);
    const environment = { SEAL_INTERVAL_MS: "1000" };
    processes = await Promise.all([ApiProcess.start("s", environment), ApiProcess.start("t", environment)]);
  });

  afterAll(async () => {
    await Promise.all(processes.map((api) => api.stop()));
    await owner?.end();
  });

  it("confirms what is pending, in histories that are cached too, and makes one chain", async () => {
    const [s, t] = processes as [ApiProcess, ApiProcess];
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 100);
    const booked: string[] = [];
    for (let nonce = 1; nonce <= 5; nonce++) {
      const { body } = await s.transfer({ from, to, amount: 1, nonce }, `k${nonce}`);
      booked.push(String(body.tx_hash));
      await t.get<Page>(`/transactions/${to}`);
    }
    await expect
      .poll(
        async () => (await t.get<Page>(`/transactions/${to}`)).body.transactions.map(({ status }) => status),
        {
          timeout: 20_000,
          interval: 100,
        },
      )
      .toEqual(booked.map(() => "confirmed"));

    const { chain, length } = (await t.get<Blocks>("/blocks?limit=50")).body;
    for (const [at, block] of chain.entries()) {
      expect(block.height).toBe(length - 1 - at);
      expect(block.transactions).toHaveLength(Math.min(block.tx_count, 100));
      const previous = chain[at + 1];
      if (previous) expect(block.previous_hash).toBe(previous.hash);
    }
    const sealed = chain.flatMap(({ transactions }) => transactions.map(({ hash }) => hash));
    for (const hash of booked) expect(sealed.filter((found) => found === hash)).toHaveLength(1);
  });
});
