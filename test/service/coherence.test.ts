import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { patroniMembers, stopReplay } from "../support/faults.ts";
import { appLogin, connect, stack } from "./stack.ts";
import { newAddress, setBalance } from "./support/accounts.ts";
import { AnswerProxy } from "./support/answer-proxy.ts";
import { ApiProcess } from "./support/api-process.ts";

/** The service's default of cache.maxStaleness. */
const BOUND_MS = 2000;

interface Balance {
  readonly balance: number;
}
interface Page {
  readonly transactions: readonly { hash: string; status: string; id: string }[];
  readonly next_cursor: string | null;
  readonly prev_cursor: string | null;
}

describe.skipIf(!stack)("two API processes over one stack", () => {
  let a: ApiProcess;
  let b: ApiProcess;
  /** Between the processes and the endpoint on which they hear of changes. */
  let listening: AnswerProxy;
  let owner: Client;
  let app: Client;
  let members: Client[] = [];
  /** Stops what applies the WAL on every replica; the result lets it go on. */
  async function stopEveryReplay(): Promise<() => Promise<unknown>> {
    const replaying = (await patroniMembers()).filter(({ role }) => role !== "Leader");
    expect(replaying).toHaveLength(stack?.replicas.length ?? 0);
    const goOn = await Promise.all(replaying.map(({ name }) => stopReplay(name)));
    return () => Promise.all(goOn.map((again) => again()));
  }

  beforeAll(async () => {
    if (!stack) return;
    [owner, app] = await Promise.all([connect(stack.owner), connect(appLogin(stack))]);
    members = await Promise.all(stack.members.map(connect));
    const { LISTEN_HOST = "", LISTEN_PORT } = stack.environment;
    listening = await AnswerProxy.start(LISTEN_HOST, Number(LISTEN_PORT));
    const environment = { LISTEN_PORT: String(listening.port) };
    [a, b] = await Promise.all([ApiProcess.start("a", environment), ApiProcess.start("b", environment)]);
  });

  afterAll(async () => {
    await Promise.all([a?.stop(), b?.stop()]);
    await Promise.all([owner, app, ...members].map((session) => session?.end()));
    await listening?.stop();
  });

  const balanceOf = async (api: ApiProcess, address: string): Promise<number> =>
    (await api.get<Balance>(`/balance/${address}`)).body.balance;

  /** Until both processes hold the value themselves. */
  async function warm(address: string, balance: number): Promise<void> {
    for (const api of [a, b]) {
      await expect
        .poll(async () => {
          const { body, origin } = await api.get<Balance>(`/balance/${address}`);
          return [body.balance, origin];
        })
        .toEqual([balance, "l1"]);
    }
  }

  it("show a write through one of them at once there, and within the bound at the other", async () => {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 100);
    await warm(from, 100);
    await warm(to, 0);
    const answer = await a.transfer({ from, to, amount: 30, nonce: 1 }, "k1");
    const written = Date.now();
    expect(answer.status).toBe(200);

    expect([await balanceOf(a, from), await balanceOf(a, to)]).toEqual([70, 30]);
    await expect.poll(() => balanceOf(b, from), { interval: 10, timeout: BOUND_MS }).toBe(70);
    // The negative answer about the receiver gave way to the first credit.
    await expect.poll(() => balanceOf(b, to), { interval: 10, timeout: BOUND_MS }).toBe(30);
    expect(Date.now() - written).toBeLessThanOrEqual(BOUND_MS);
  });

  it("answer the other's write from the shared cache, without a query", async () => {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 100);
    await warm(from, 100);
    await a.transfer({ from, to, amount: 1, nonce: 1 }, "k1");
    await expect
      .poll(
        async () => {
          const { body, origin } = await b.get<Balance>(`/balance/${from}`);
          return [body.balance, origin];
        },
        { interval: 10 },
      )
      .toEqual([99, expect.stringMatching(/redis|l1/)]);
  });

  it("show a foreign SQL write within the bound", async () => {
    const address = newAddress();
    await setBalance(owner, address, 5);
    await warm(address, 5);
    await setBalance(owner, address, 6);
    const written = Date.now();
    for (const api of [a, b]) {
      await expect.poll(() => balanceOf(api, address), { interval: 10, timeout: BOUND_MS }).toBe(6);
    }
    expect(Date.now() - written).toBeLessThanOrEqual(BOUND_MS);
  });

  it("show a booking by SQL within the bound, in balances and histories", async () => {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 100);
    await warm(from, 100);
    await warm(to, 0);
    for (const api of [a, b]) {
      for (const address of [from, to]) {
        await expect.poll(async () => (await api.get(`/transactions/${address}`)).origin).toBe("l1");
      }
    }
    await app.query("SELECT FROM ledger_transfer($1, $2, 30, 1, 'by SQL', sha256('by SQL'))", [from, to]);
    const written = Date.now();
    for (const api of [a, b]) {
      for (const [address, balance] of [
        [from, 70],
        [to, 30],
      ] as const) {
        const poll = { interval: 10, timeout: BOUND_MS };
        await expect.poll(() => balanceOf(api, address), poll).toBe(balance);
        await expect
          .poll(async () => (await api.get<Page>(`/transactions/${address}`)).body.transactions.length, poll)
          .toBe(1);
      }
    }
    expect(Date.now() - written).toBeLessThanOrEqual(BOUND_MS);
  });

  it("announce nothing of what they write themselves", async () => {
    const [from, to, marker] = [newAddress(), newAddress(), newAddress()];
    await setBalance(owner, from, 100);
    const heard: string[] = [];
    app.on("notification", ({ payload }) => heard.push(payload ?? ""));
    await app.query("LISTEN dujyo_invalidate");
    expect((await a.transfer({ from, to, amount: 30, nonce: 1 }, "k1")).status).toBe(200);
    // Notifications come in the order of the commits.
    await setBalance(owner, marker, 1);
    await expect.poll(() => heard.some((payload) => payload.includes(marker))).toBe(true);
    await app.query("UNLISTEN *");

    expect(heard.filter((payload) => payload.includes(from) || payload.includes(to))).toEqual([]);
  });

  it("are right about what was written while the session that hears of changes was lost", async () => {
    const [read, unread] = [newAddress(), newAddress()];
    for (const address of [read, unread]) {
      await setBalance(owner, address, 5);
      await warm(address, 5);
    }
    const warmed = Date.now();
    const before = [await a.gaps(), await b.gaps()];
    listening.refuse();
    const ended = await Promise.all(
      members.map((member) =>
        member.query(
          `SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_stat_activity
           WHERE application_name IN ('a listen', 'b listen')`,
        ),
      ),
    );
    expect(ended.flatMap(({ rows }) => rows)).toEqual([{ ended: true }, { ended: true }]);
    await setBalance(owner, read, 6);
    await setBalance(owner, unread, 6);
    const written = Date.now();
    for (const api of [a, b]) {
      await expect.poll(() => balanceOf(api, read), { interval: 10, timeout: BOUND_MS }).toBe(6);
    }
    expect(Date.now() - written).toBeLessThanOrEqual(BOUND_MS);

    // Once they hear again, what they held from before is not believed either. What was read less than half the bound ago
    // is, whatever happened since: see Trust.fresh.
    listening.heal();
    await expect.poll(() => Date.now() - warmed, { timeout: BOUND_MS }).toBeGreaterThan(BOUND_MS / 2);
    for (const api of [a, b]) {
      await expect.poll(() => api.trusted(), { interval: 50, timeout: 5000 }).toBe(true);
      expect(await balanceOf(api, unread)).toBe(6);
    }
    expect(await a.gaps()).toBeGreaterThan(before[0] ?? Number.NaN);
    expect(await b.gaps()).toBeGreaterThan(before[1] ?? Number.NaN);
  });

  it("show a foreign write of token balances in the detail", async () => {
    const address = newAddress();
    await setBalance(owner, address, 5);
    await expect
      .poll(async () => (await a.get(`/balance-detail/${address}`)).body, { timeout: BOUND_MS })
      .toMatchObject({ dyo: 5, dys: 0, total: 5 });
    await owner.query("INSERT INTO token_balances (address, dys_balance, staked_balance) VALUES ($1, 7, 8)", [
      address,
    ]);
    await expect
      .poll(async () => (await a.get(`/balance-detail/${address}`)).body, { timeout: BOUND_MS })
      .toMatchObject({ dyo: 5, dys: 7, staked: 8, total: 20 });
  });

  it("make a slow fill lose to a newer version, whatever lagging replicas say", async () => {
    const address = newAddress();
    await setBalance(owner, address, 1);
    await expect.poll(() => balanceOf(a, address)).toBe(1);
    const goOn = await stopEveryReplay();
    try {
      await setBalance(owner, address, 2);
      await expect.poll(() => balanceOf(a, address), { timeout: BOUND_MS, interval: 10 }).toBe(2);
      for (let at = 0; at < 50; at++) {
        expect(await balanceOf(a, address)).toBe(2);
      }
      await expect.poll(() => balanceOf(b, address), { timeout: BOUND_MS, interval: 10 }).toBe(2);
    } finally {
      await goOn();
    }
  });

  it("let a client read its own write while the replicas stand still", async () => {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 100);
    const goOn = await stopEveryReplay();
    try {
      const { body } = await a.transfer({ from, to, amount: 10, nonce: 1 }, "k1");
      const token = String(body.read_after);
      const [lsn = ""] = token.split(";");
      const reads = await Promise.all([
        b.get<Balance>(`/balance/${from}`, { "x-read-after": token }),
        b.get<Balance>(`/balance/${to}`, { "x-read-after": lsn }),
        b.get(`/transactions/hash/${body.tx_hash}`, { "x-read-after": token }),
      ]);
      expect(reads[0].body.balance).toBe(90);
      expect(reads[1].body.balance).toBe(10);
      expect(reads[1].origin).toBe("primary");
      expect(reads[2].body).toMatchObject({ hash: body.tx_hash, status: "pending" });
      const page = await b.get<Page>(`/transactions/${to}`, { "x-read-after": token });
      expect(page.body.transactions.map(({ hash }) => hash)).toEqual([body.tx_hash]);
    } finally {
      await goOn();
    }
  });

  it("book once under one key, and refuse what breaks the ledger's rules", async () => {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 100);
    const order = { from, to, amount: 40, nonce: 1 };
    const [first, second] = await Promise.all([a.transfer(order, "same"), b.transfer(order, "same")]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(first.body.tx_hash).toBe(second.body.tx_hash);
    expect([first.body.replayed, second.body.replayed].sort()).toEqual([false, true]);

    expect((await a.transfer({ ...order, amount: 41 }, "same")).body).toMatchObject({
      status: 422,
      code: "idempotency_conflict",
    });
    expect((await a.transfer({ ...order, nonce: 7 }, "n")).body).toMatchObject({
      code: "wrong_nonce",
      expected: 2,
    });
    expect((await a.transfer({ ...order, amount: 61, nonce: 2 }, "o")).body).toMatchObject({
      status: 409,
      code: "insufficient_funds",
      balance: 60,
    });
    await expect.poll(() => balanceOf(b, from), { timeout: BOUND_MS }).toBe(60);
    await expect.poll(() => balanceOf(b, to), { timeout: BOUND_MS }).toBe(40);
  });

  it("carry an own write into the cached first page, and give the same page as the database", async () => {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 1000);
    for (let nonce = 1; nonce <= 3; nonce++) {
      await a.transfer({ from, to, amount: nonce, nonce }, `k${nonce}`);
      await a.get(`/transactions/${from}`);
    }
    const last = await a.transfer({ from, to, amount: 4, nonce: 4 }, "k4");
    const cached = await a.get<Page>(`/transactions/${from}`);
    expect(cached.origin).toBe("l1");
    expect(cached.body.transactions[0]?.hash).toBe(last.body.tx_hash);
    const read = await a.get<Page>(`/transactions/${from}`, { "x-read-after": "FFFFFFFF/FFFFFFFF" });
    expect(read.origin).toBe("primary");
    expect(read.body).toEqual(cached.body);
  });

  it("page through a history in both directions without duplicates and gaps", async () => {
    const [from, to] = [newAddress(), newAddress()];
    await setBalance(owner, from, 1000);
    for (let nonce = 1; nonce <= 7; nonce++) {
      // Every third one is a transfer to oneself.
      await a.transfer({ from, to: nonce % 3 === 0 ? from : to, amount: 1, nonce }, `k${nonce}`);
    }
    const token = { "x-read-after": "FFFFFFFF/FFFFFFFF" };
    const all = (await a.get<Page>(`/transactions/${from}`, token)).body.transactions.map(({ hash }) => hash);
    expect(new Set(all).size).toBe(7);

    const older: string[] = [];
    let page = (await a.get<Page>(`/transactions/${from}?limit=3`, token)).body;
    const pages = [page];
    older.push(...page.transactions.map(({ hash }) => hash));
    while (page.next_cursor !== null) {
      page = (await a.get<Page>(`/transactions/${from}?limit=3&before=${page.next_cursor}`, token)).body;
      pages.push(page);
      older.push(...page.transactions.map(({ hash }) => hash));
    }
    expect(older).toEqual(all);

    const newer = page.transactions.map(({ hash }) => hash);
    while (newer.length < all.length) {
      page = (await a.get<Page>(`/transactions/${from}?limit=3&after=${page.prev_cursor}`, token)).body;
      newer.unshift(...page.transactions.map(({ hash }) => hash));
    }
    expect(newer).toEqual(all);
    const none = (await a.get<Page>(`/transactions/${from}?limit=3&after=${page.prev_cursor}`, token)).body;
    expect(none.transactions).toEqual([]);
    expect(none.prev_cursor).toBe(page.prev_cursor);
  });

  it("share their figures", async () => {
    const { body } = await a.get<{ cache_hit_ratio: number; cache: { scope: string } }>("/metrics");
    expect(body.cache_hit_ratio).toBeGreaterThan(0);
    expect(body.cache_hit_ratio).toBeLessThanOrEqual(1);
    expect(body.cache.scope).toBe("fleet");
    await expect
      .poll(
        async () =>
          (await a.get<{ fleet: { instances: string[] } }>("/admin/performance")).body.fleet.instances,
        {
          timeout: 10_000,
        },
      )
      .toEqual(expect.arrayContaining(["a", "b"]));
  });
});
