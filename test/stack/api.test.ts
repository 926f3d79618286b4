import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { mustRun } from "../../tools/process.ts";
import { value } from "../support/clients.ts";
import { container, eventually, leader, whole } from "../support/faults.ts";
import { complaintsOf, type OpenApi } from "../support/open-api.ts";
import { STACK } from "../support/stack-settings.ts";
import { mustSwitchOver } from "../support/switchover.ts";

/** The stack's own instances behind their one port, on loaded data. What the cache promises is in test/service. */

const url = (path: string) => `http://127.0.0.1:${inject("connection").api.port}${path}`;

async function get(path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url(path), { headers });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

const json = async (path: string) => JSON.parse((await get(path, { accept: "application/json" })).text);

async function token(address: string): Promise<string> {
  const printed = await mustRun(process.execPath, [
    join(ROOT, "ops/token.ts"),
    ...["--stack", STACK, "--address", address],
  ]);
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

/** An account that nobody writes to. */
async function bystander(): Promise<string> {
  return await value<string>(
    inject("connection").writer,
    "owner",
    "SELECT address FROM balances WHERE balance > 0 ORDER BY balance, address LIMIT 1",
  );
}

const newAddress = () => `DU-${randomUUID()}`;

const bothWell = () =>
  eventually("both instances healthy", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => json("/health/detailed")));
    const instances = new Set(answers.map(({ instance }) => instance));
    return instances.size === 2 && answers.every(({ status }) => status === "healthy");
  });

describe("the API behind its one port", () => {
  let warm: { readonly address: string; readonly balance: number };

  // Its entry has outlived its life when the database is lost at the end.
  beforeAll(async () => {
    warm = await json(`/balance/${await bystander()}`);
  });

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

  it("answers as its OpenAPI document says, every route, also from the caches", async () => {
    const document: OpenApi = await json("/openapi.json");
    const { address, nonce } = await payer();
    const [{ hash }] = (await json(`/transactions/${address}`)).transactions;
    const text = { headers: { accept: "text/plain" } };
    const transfer = {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": randomUUID(),
        authorization: `Bearer ${await token(address)}`,
      },
      body: JSON.stringify({ from: address, to: "DU-receiver", amount: 1, nonce }),
    };
    const asked: Record<string, readonly (readonly [path: string, status: number, init?: RequestInit])[]> = {
      "/health": [["/health", 200]],
      "/health/live": [["/health/live", 200]],
      "/health/ready": [["/health/ready", 200]],
      "/health/detailed": [["/health/detailed", 200]],
      "/metrics": [
        ["/metrics", 200],
        ["/metrics", 200, text],
      ],
      "/balance/{address}": [
        [`/balance/${address}`, 200],
        ["/balance/DU-unknown", 200],
        ["/balance/a.b", 400],
      ],
      "/balance-detail/{address}": [
        [`/balance-detail/${address}`, 200],
        ["/balance-detail/a.b", 400],
      ],
      "/transactions/{address}": [
        [`/transactions/${address}`, 200],
        [`/transactions/${address}?limit=2`, 200],
        ["/transactions/a.b", 400],
      ],
      "/transactions/hash/{hash}": [
        [`/transactions/hash/${hash}`, 200],
        [`/transactions/hash/${"0".repeat(64)}`, 404],
        ["/transactions/hash/0", 400],
      ],
      "/blocks": [
        ["/blocks", 200],
        ["/blocks?limit=2", 200],
        ["/blocks?limit=x", 400],
      ],
      "/stats": [["/stats", 200]],
      "/holders/top": [
        ["/holders/top", 200],
        ["/holders/top?limit=x", 400],
      ],
      "/pool/{id}": [
        ["/pool/DUJYO_USDC", 200],
        ["/pool/none", 404],
        ["/pool/a.b", 400],
      ],
      "/transaction": [
        ["/transaction", 200, transfer],
        ["/transaction", 401, { ...transfer, headers: { "content-type": "application/json" } }],
        ["/transaction", 400, { ...transfer, body: "{}" }],
      ],
      "/admin/performance": [["/admin/performance", 200]],
      "/admin/cache/stats": [["/admin/cache/stats", 200]],
      "/admin/database/stats": [["/admin/database/stats", 200]],
    };
    expect(Object.keys(asked).sort()).toEqual(Object.keys(document.paths).sort());
    for (const [route, requests] of Object.entries(asked))
      for (const [path, status, init] of requests)
        for (const turn of ["first", "again"]) {
          const answer = await fetch(url(path), init);
          expect(answer.status, `${path}, ${turn}`).toBe(status);
          expect(
            await complaintsOf(document, route, init?.method ?? "GET", answer),
            `${path}, ${turn}`,
          ).toEqual([]);
        }
  });

  it("fails no request of 32 open connections while one instance is stopped and started again", async () => {
    await bothWell();
    const agent = new Agent({ keepAlive: true, maxSockets: 32 });
    const answers: { at: number; status: number | undefined; instance: string }[] = [];
    let over = false;
    const clients = Array.from({ length: 32 }, async () => {
      while (!over) {
        const sent = request(url(`/balance/${newAddress()}`), { agent }).end();
        const [answer] = (await once(sent, "response")) as [IncomingMessage];
        await answer.resume().toArray();
        const instance = String(answer.headers["x-request-id"]).split("-").slice(0, -2).join("-");
        answers.push({ at: performance.now(), status: answer.statusCode, instance });
        await pause(100);
      }
    });
    const instancesSince = (begin: number) =>
      new Set(answers.filter(({ at }) => at >= begin).map(({ instance }) => instance)).size;
    try {
      await eventually("both instances answer", async () => instancesSince(0) === 2);
      await mustRun("docker", ["stop", container("api-0")]);
      const stopped = performance.now();
      await eventually("one answers alone", async () => instancesSince(stopped) === 1);
      await mustRun("docker", ["start", container("api-0")]);
      await eventually("both answer again", async () => instancesSince(stopped) === 2);
    } finally {
      over = true;
      await Promise.all(clients);
      agent.destroy();
    }
    console.log(`an instance stopped and started: ${answers.length} answers`);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it("answers what it knows as stale while no node can be reached, refuses the rest with Retry-After, and is back by itself", async () => {
    const miss = () => get(`/balance/${newAddress()}`);
    // The gateway checks once a second, and a breaker takes two time-outs to open.
    const begin = Date.now();
    const lasts = (ms: number) => Date.now() - begin < ms;
    const refused: Awaited<ReturnType<typeof get>>[] = [];
    const known: Awaited<ReturnType<typeof get>>[] = [];
    await mustRun("docker", ["pause", container("pgbouncer")]);
    try {
      while (lasts(15_000) || (lasts(45_000) && known.at(-1)?.headers.get("x-cache") !== "stale")) {
        refused.push(...(await Promise.all(Array.from({ length: 8 }, miss))));
        known.push(await get(`/balance/${warm.address}`));
        await pause(250);
      }
    } finally {
      await mustRun("docker", ["unpause", container("pgbouncer")]);
    }
    const unpaused = Date.now();
    expect(new Set(known.map(({ status }) => status))).toEqual(new Set([200]));
    expect(known.at(-1)?.headers.get("x-cache")).toBe("stale");
    expect(JSON.parse(known.at(-1)?.text ?? "")).toEqual(warm);
    const kinds = refused.map(({ status, text, headers }) => ({
      status,
      type: headers.get("content-type")?.split(";")[0],
      after: headers.get("retry-after"),
      // The gateway's own answers name no request.
      own: String(JSON.parse(text).instance).startsWith("urn:dujyo:request:api-"),
    }));
    expect(new Set(kinds.map((kind) => JSON.stringify(kind)))).toEqual(
      new Set([JSON.stringify({ status: 503, type: "application/problem+json", after: "1", own: true })]),
    );
    // Nobody asks for anything meanwhile but health.
    await bothWell();
    console.log(`healthy ${((Date.now() - unpaused) / 1_000).toFixed(0)} s after the database was back`);
    expect((await miss()).status).toBe(200);
  });
});
