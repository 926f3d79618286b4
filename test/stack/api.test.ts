import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { serviceEnvironment } from "../../ops/service-environment.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun } from "../../tools/process.ts";
import { value } from "../support/clients.ts";
import { leader, whole } from "../support/faults.ts";
import { STACK } from "../support/stack-settings.ts";
import { mustSwitchOver } from "../support/switchover.ts";

/** The stack's own instances behind their one port, on loaded data. What the cache promises is in test/service. */

const url = (path: string) => `http://127.0.0.1:${inject("connection").api.port}${path}`;

async function get(path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url(path), { headers });
  return { status: answer.status, text: await answer.text() };
}

const json = async (path: string) => JSON.parse((await get(path, { accept: "application/json" })).text);

async function token(address: string): Promise<string> {
  const env = serviceEnvironment(STACK, inject("connection"));
  const printed = await mustRun(
    process.execPath,
    [join(ROOT, "service/src/token.ts"), "--address", address],
    { env },
  );
  return printed.trim();
}

/** An account that can pay, with the nonce that it uses next. */
async function payer(): Promise<{ address: string; nonce: number; balance: number }> {
  const { writer } = inject("connection");
  const row = await value<string>(
    writer,
    "owner",
    "SELECT json_build_object('address', address, 'nonce', last_nonce + 1, 'balance', balance) FROM balances WHERE EXISTS (SELECT FROM postings WHERE postings.address = balances.address) ORDER BY balance DESC LIMIT 1",
  );
  return row as unknown as { address: string; nonce: number; balance: number };
}

describe("the API behind its one port", () => {
  it("answers the guide's health and metrics lines with real figures", async () => {
    // A breaker that a fault has opened is told as degraded until its probe half a minute later.
    await expect
      .poll(async () => (await json("/health/detailed")).status, { timeout: 60_000, interval: 500 })
      .toBe("healthy");
    const health = await json("/health/detailed");
    expect(health.database).toMatchObject({ read_replicas_healthy: 2, total_read_replicas: 2 });
    await json("/balance/DU-nobody");
    await json("/balance/DU-nobody");
    const ratio = (await json("/metrics")).cache_hit_ratio;
    expect(ratio === null || (ratio >= 0 && ratio <= 1)).toBe(true);
    const text = (await get("/metrics", { accept: "text/plain" })).text;
    expect(text).toMatch(/^# TYPE /m);
    for (const path of ["/admin/performance", "/admin/cache/stats", "/admin/database/stats"])
      expect((await get(path)).status, path).toBe(200);
  });

  it("serves loaded balances, histories, blocks and holders", async () => {
    const { address, balance } = await payer();
    expect((await json(`/balance/${address}`)).balance).toBe(Number(balance));
    expect((await json(`/transactions/${address}`)).transactions.length).toBeGreaterThan(0);
    expect((await json("/holders/top")).holders[0]).toMatchObject({ rank: 1 });
    expect((await json("/blocks")).chain.length).toBeGreaterThan(0);
    expect(await json("/balance/DU-unknown")).toMatchObject({ address: "DU-unknown", balance: 0 });
  });

  it("books a transfer once, whoever's instance hears of it, and refuses what it must", async () => {
    const { address, nonce, balance } = await payer();
    const body = JSON.stringify({ from: address, to: "DU-receiver", amount: 5, nonce });
    const key = randomUUID();
    const post = async (headers: Record<string, string>) => {
      const answer = await fetch(url("/transaction"), {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key, ...headers },
        body,
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    expect((await post({})).status).toBe(401);
    expect((await post({ authorization: `Bearer ${await token("DU-somebody-else")}` })).status).toBe(403);
    const authorization = `Bearer ${await token(address)}`;
    const first = await post({ authorization });
    expect(first.body).toMatchObject({ success: true });
    const second = await post({ authorization });
    expect(second.body.tx_hash).toBe(first.body.tx_hash);
    await expect
      .poll(async () => (await json(`/balance/${address}`)).balance, { timeout: 3_000 })
      .toBe(Number(balance) - 5);
    // Without a token of the write, a replica that has not replayed it yet may be asked.
    await expect
      .poll(async () => (await get(`/transactions/hash/${first.body.tx_hash}`)).status, { timeout: 3_000 })
      .toBe(200);
  });

  it("goes on answering while another member becomes the primary", async () => {
    const { address } = await payer();
    await whole(3);
    const answers: number[] = [];
    let over = false;
    const reading = (async () => {
      while (!over) answers.push((await get(`/balance/${address}`)).status);
    })();
    const former = await leader();
    await mustSwitchOver(former);
    over = true;
    await reading;
    expect(answers.length).toBeGreaterThan(50);
    expect(answers.filter((status) => status !== 200)).toEqual([]);
    await whole(3);
  });
});
