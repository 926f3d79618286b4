import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { eventually, killMainProcess, leader, patroniMembers, whole } from "../support/faults.ts";
import { connect, stack } from "./stack.ts";
import { newAddress, setBalance } from "./support/accounts.ts";
import { ApiProcess } from "./support/api-process.ts";
import { SteadyLoad } from "./support/steady-load.ts";

const PER_SECOND = 40;
const FUNDS = 1_000_000;

interface Balance {
  readonly balance: number;
}
interface Page {
  readonly transactions: readonly { hash: string }[];
}

describe.skipIf(!stack)(
  "two API processes while the primary of PostgreSQL is lost",
  { timeout: 240_000 },
  () => {
    let apis: readonly ApiProcess[] = [];
    let owner: Client;

    beforeAll(async () => {
      if (!stack) return;
      await whole(3);
      owner = await connect(stack.owner);
      // Caches that end soon make most of the reads ask a node.
      const environment = {
        CACHE_TTL_BALANCE_MS: "1000",
        CACHE_TTL_HISTORY_MS: "1000",
        CACHE_STALE_IF_ERROR_MS: "0",
      };
      apis = await Promise.all([ApiProcess.start("o", environment), ApiProcess.start("p", environment)]);
    });

    afterAll(async () => {
      await Promise.all(apis.map((api) => api.stop()));
      await owner?.end();
    });

    let turn = 0;
    const api = (): ApiProcess => apis[turn++ % 2] as ApiProcess;

    /** Books one transfer after the other, each until it is acknowledged, as a careful client does. */
    class Payer {
      readonly address = newAddress();
      readonly receiver = newAddress();
      readonly acknowledged: string[] = [];
      readonly complaints: string[] = [];
      refused = 0;
      #ended = false;
      #done: Promise<void> = Promise.resolve();

      start(): void {
        this.#done = this.#pay();
      }

      async #pay(): Promise<void> {
        for (let nonce = 1; !this.#ended; nonce++) {
          const order = { from: this.address, to: this.receiver, amount: 1, nonce };
          for (;;) {
            const { status, body, headers } = await api().transfer(order, `pay-${nonce}`);
            if (status === 200) {
              this.acknowledged.push(String(body.tx_hash));
              break;
            }
            this.refused++;
            const after = headers.get("retry-after");
            if (status !== 503 || after === null)
              this.complaints.push(`${status} ${body.code} retry-after ${after}`);
            await pause(Number(after ?? 1) * 1000);
          }
        }
      }

      async stop(): Promise<void> {
        this.#ended = true;
        await this.#done;
      }
    }

    it("answer every read, cached or not, refuse writes with Retry-After until they can book, and lose none", async () => {
      const accounts = Array.from({ length: 20 }, (_, at) => ({ address: newAddress(), balance: at + 1 }));
      for (const { address, balance } of accounts) await setBalance(owner, address, balance);
      const payer = new Payer();
      await setBalance(owner, payer.address, FUNDS);
      payer.start();
      await eventually("a first booking", async () => payer.acknowledged.length > 0);
      const [first = ""] = payer.acknowledged;

      let shot = 0;
      const load = new SteadyLoad(PER_SECOND, async () => {
        const at = shot++;
        const expectBalance = async (address: string, wanted: number) => {
          const { status, body } = await api().get<Balance>(`/balance/${address}`);
          if (status !== 200) return `a balance answered ${status}`;
          return body.balance === wanted ? undefined : "wrong balance";
        };
        if (at % 4 === 0) return await expectBalance(newAddress(), 0);
        if (at % 4 === 1) {
          const { status } = await api().get<Page>(`/transactions/${payer.address}?limit=5`);
          return status === 200 ? undefined : `a history answered ${status}`;
        }
        if (at % 8 === 2) {
          const { status } = await api().get(`/transactions/hash/${first}`);
          return status === 200 ? undefined : `a transaction answered ${status}`;
        }
        const account = accounts[at % accounts.length];
        return await expectBalance(account?.address ?? "", account?.balance ?? 0);
      });
      try {
        await pause(2000);
        const former = await leader();
        await killMainProcess(former);
        await eventually("another member leads", async () => (await leader()) !== former);
        const before = payer.acknowledged.length;
        await eventually("bookings go on", async () => payer.acknowledged.length > before + 10, 60);
        expect((await patroniMembers()).length).toBe(3);
      } finally {
        await load.stop();
        await payer.stop();
        await whole(3);
      }
      console.log(
        `primary killed: ${load.between(0, Number.POSITIVE_INFINITY).length} reads, ${payer.acknowledged.length} bookings, ${payer.refused} refusals`,
      );
      expect(load.complaints()).toEqual({});
      expect(payer.complaints).toEqual([]);

      await owner.end().catch(() => undefined);
      owner = await connect((stack as NonNullable<typeof stack>).owner);
      const { rows } = await owner.query<{ hash: string; amount: string }>(
        "SELECT encode(tx_hash, 'hex') AS hash, amount FROM postings WHERE address = $1 ORDER BY tx_id",
        [payer.address],
      );
      // One of each key, in order: nothing acknowledged is lost, nothing repeated is booked twice.
      expect(rows.map(({ hash }) => hash)).toEqual(payer.acknowledged);
      const balances = await owner.query<{ address: string; balance: string }>(
        "SELECT address, balance FROM balances WHERE address = ANY ($1)",
        [[payer.address, payer.receiver]],
      );
      const booked = payer.acknowledged.length;
      expect(Object.fromEntries(balances.rows.map((row) => [row.address, Number(row.balance)]))).toEqual({
        [payer.address]: FUNDS - booked,
        [payer.receiver]: booked,
      });
    });
  },
);
