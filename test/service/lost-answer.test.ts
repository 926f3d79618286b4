import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { connect, stack } from "./stack.ts";
import { newAddress, setBalance } from "./support/accounts.ts";
import { AnswerProxy } from "./support/answer-proxy.ts";
import { ApiProcess } from "./support/api-process.ts";

type Order = Parameters<ApiProcess["transfer"]>[0];

/** The answer to a booking is lost after the server has committed it; only the other process's way stays whole. */
describe.skipIf(!stack)("a commit whose answer is lost", () => {
  let proxy: AnswerProxy;
  let cutOff: ApiProcess;
  let whole: ApiProcess;
  let owner: Client;

  beforeAll(async () => {
    if (!stack) return;
    const { DB_HOST = "", DB_PORT = "" } = stack.environment;
    owner = await connect(stack.owner);
    proxy = await AnswerProxy.start(DB_HOST, Number(DB_PORT));
    const environment = { DB_PORT: String(proxy.port) };
    [cutOff, whole] = await Promise.all([ApiProcess.start("k", environment), ApiProcess.start("l")]);
  });

  afterEach(() => proxy?.heal());

  afterAll(async () => {
    await Promise.all([cutOff?.stop(), whole?.stop()]);
    await proxy?.stop();
    await owner?.end();
  });

  const hashes = async (from: string): Promise<string[]> => {
    const { rows } = await owner.query<{ hash: string }>(
      "SELECT encode(tx_hash, 'hex') AS hash FROM postings WHERE address = $1 AND side = -1 ORDER BY tx_id",
      [from],
    );
    return rows.map(({ hash }) => hash);
  };

  /** Gives an account money and sends a first transfer, so that the process's connection to the writer is open. */
  async function sender(api: ApiProcess) {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 10);
    expect((await api.transfer({ from, to, amount: 1, nonce: 1 }, "first")).status).toBe(200);
    return { from, to };
  }

  /** Sends an order through `api` and resolves once it is booked, with the answer to come: that one is swallowed. */
  async function bookUnanswered(
    api: ApiProcess,
    order: Order,
  ): Promise<{ answer: ReturnType<ApiProcess["transfer"]> }> {
    proxy.swallow();
    const answer = api.transfer(order, "second");
    answer.catch(() => undefined);
    await expect.poll(() => hashes(order.from), { timeout: 4000, interval: 20 }).toHaveLength(2);
    return { answer };
  }

  it("is told as unknown with its code, and repeated under the same key returns what was booked", async () => {
    const order = { ...(await sender(cutOff)), amount: 3, nonce: 2 };
    const { answer: pending } = await bookUnanswered(cutOff, order);
    proxy.cut(true);
    const unknown = await pending;
    expect(unknown.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(unknown.headers.get("retry-after")).toBe("1");
    expect(unknown.body).toMatchObject({
      status: 503,
      code: "commit_unknown",
      type: "urn:dujyo:problem:commit_unknown",
    });

    proxy.heal();
    const [, booked] = await hashes(order.from);
    for (const api of [whole, cutOff]) {
      const again = await api.transfer(order, "second");
      expect([again.status, again.body.tx_hash, again.body.replayed]).toEqual([200, booked, true]);
    }
    expect(await hashes(order.from)).toHaveLength(2);
    for (const api of [whole, cutOff]) {
      await expect
        .poll(async () => (await api.get(`/balance/${order.from}`)).body.balance, { timeout: 2000 })
        .toBe(6);
    }
  });

  it("is asked for again by the service itself where the way is back at once, and booked once", async () => {
    const order = { ...(await sender(cutOff)), amount: 3, nonce: 2 };
    const { answer: pending } = await bookUnanswered(cutOff, order);
    proxy.cut(false);
    const answer = await pending;
    const [, booked] = await hashes(order.from);
    expect([answer.status, answer.body.tx_hash, answer.body.replayed]).toEqual([200, booked, true]);
    expect(await hashes(order.from)).toHaveLength(2);
  });

  it("because the process died, is returned by another process under the same key", async () => {
    const m = await ApiProcess.start("m", { DB_PORT: String(proxy.port) });
    const { from, to } = await sender(m);
    const order = { from, to, amount: 3, nonce: 2 };
    const { answer: lost } = await bookUnanswered(m, order);
    await m.stop();
    await expect(lost).rejects.toThrow();
    proxy.cut(false);
    const [, booked] = await hashes(from);
    const again = await whole.transfer(order, "second");
    expect([again.status, again.body.tx_hash, again.body.replayed]).toEqual([200, booked, true]);
    expect(await hashes(from)).toHaveLength(2);
    await expect
      .poll(async () => (await whole.get(`/balance/${from}`)).body.balance, { timeout: 4000 })
      .toBe(6);
  });
});
