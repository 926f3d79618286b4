import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { AppConfig } from "../../../service/src/app.ts";
import { type CacheEntry, etagOf } from "../../../service/src/cache/entry.ts";
import { type AccountView, accountKey } from "../../../service/src/cache/keys.ts";
import { BUSY } from "../../../service/src/cache/read-through.ts";
import { Problem } from "../../../service/src/errors.ts";
import { A, entry, IN_FLIGHT, type TestApp, testApp } from "../support/test-app.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const PATHS = {
  balance: `/balance/${A}`,
  history: `/transactions/${A}`,
  detail: `/balance-detail/${A}`,
} as const satisfies Record<AccountView, string>;

/** Of clients that have seen nothing yet, the present answer, or another one. */
const REQUESTS: readonly Record<string, string>[] = [
  {},
  { "if-none-match": etagOf(entry) },
  { "if-none-match": 'W/"other"' },
];

const EVERY_REQUEST_LOGGED = { accessLog: { requests: "all", key: "k" } } as const;

/** A service, and what was asked of what stands behind its routes. */
class Service {
  /** How A's views are answered: from this process, from elsewhere, or not. */
  origin: "l1" | "redis" | "failing" = "l1";
  /** Who books; whether the line for it is too long. */
  readonly writer = { full: false, fullFor: (): boolean => this.writer.full };
  /** Seconds that the rate limit has callers wait. */
  wait = 0;
  /** Whether what is not held is refused. */
  busy = false;
  /** What A's views answer. */
  entry: CacheEntry = entry;
  /** Whether answers that are not held wait until those that {@link waiting} has are called. */
  slow = false;
  readonly waiting: (() => void)[] = [];
  served = 0;
  readonly limited: string[] = [];
  #made: TestApp | undefined;

  async start(config: Partial<AppConfig> = {}): Promise<this> {
    const keys = Object.keys(PATHS).map((view) => accountKey(view as AccountView, A));
    const holds = (key: string) => this.origin === "l1" && keys.includes(key);
    const take = (key: string) => {
      this.limited.push(key);
      return this.wait;
    };
    const cache = {
      held: (key: string) => (holds(key) ? this.entry : undefined),
      serveHeld: () => this.served++,
      busy: () => this.busy,
      peek: (key: string) => (holds(key) ? { entry: this.entry, origin: "l1" } : undefined),
      get: async () => {
        if (this.slow) await new Promise<void>((resolve) => this.waiting.push(resolve));
        if (this.busy) throw new Problem("overloaded", { detail: BUSY });
        if (this.origin === "failing") throw new Problem("unavailable", { retryAfter: 3 });
        return { entry: this.entry, origin: "redis" };
      },
      absorb: () => ({ entry, origin: "primary" }),
    };
    this.#made = await testApp(config, {
      ...{ cache: cache as never, writer: this.writer },
      limiters: { address: { take }, principal: { take: () => 0 } },
    });
    await this.made.app.listen({ host: "127.0.0.1", port: 0 });
    return this;
  }

  get made(): TestApp {
    return this.#made as TestApp;
  }

  async ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
    const { port } = this.made.app.server.address() as AddressInfo;
    const answer = await new Promise<IncomingMessage>((resolve, reject) =>
      request({ host: "127.0.0.1", port, path, headers, method, agent: false }, resolve)
        .on("error", reject)
        .end(),
    );
    let body = "";
    for await (const chunk of answer.setEncoding("utf8")) body += chunk;
    return { status: answer.statusCode ?? 0, headers: answer.headers, body };
  }

  /** Series of the service's own figures whose names match. */
  async figures(names: RegExp): Promise<Map<string, number>> {
    const { body } = await this.ask("/metrics", { accept: "text/plain" });
    const lines = body.split("\n").filter((line) => names.test(line) && !line.includes("/metrics"));
    return new Map(
      lines.map((line) => line.split(" ") as [string, string]).map(([name, value]) => [name, +value]),
    );
  }

  forget(): void {
    Object.assign(this, { origin: "l1", wait: 0, slow: false, busy: false, served: 0, entry });
    this.writer.full = false;
    this.limited.length = 0;
  }

  async stop(): Promise<void> {
    await this.made.app.close();
  }
}

/** What does not depend on when it was asked. */
function lasting({ status, headers, body }: Answer) {
  const { date, age, ...rest } = headers;
  expect(date).toBeDefined();
  return { status, headers: rest, body, aged: Number(age) >= 5 };
}

const GIVEN = { "x-request-id": "given" };

describe("a plain read of an account", () => {
  const fast = new Service();
  // A log of every request is written by the framework's hooks.
  const framework = new Service();
  const both = [fast, framework];

  beforeAll(async () => {
    await Promise.all([fast.start(), framework.start(EVERY_REQUEST_LOGGED)]);
  });
  afterAll(() => Promise.all(both.map((service) => service.stop())));
  beforeEach(() => {
    for (const service of both) service.forget();
  });

  const sameAnswer = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const given = { ...GIVEN, ...headers };
    const answer = lasting(await fast.ask(path, given, method));
    expect(answer).toEqual(lasting(await framework.ask(path, given, method)));
    return answer;
  };

  it.each(
    Object.values(PATHS),
  )("is answered ahead of the framework, with the same answer: %s", async (path) => {
    for (const origin of ["l1", "redis"] as const) {
      for (const service of both) service.origin = origin;
      for (const known of REQUESTS)
        expect((await sameAnswer(path, known)).headers["x-cache"], origin).toBe(origin);
    }
    expect([fast.served, framework.served]).toEqual([REQUESTS.length, 0]);
    expect(fast.limited).toEqual(framework.limited);
    expect(fast.limited).toEqual(Array(2 * REQUESTS.length).fill("127.0.0.1"));
    expect(framework.made.lines.at(-1)).toMatchObject({ log: "access", status: 200 });
    expect(fast.made.lines).toEqual([]);
  });

  it("has the same text where that is more than ASCII", async () => {
    const body = '{"note":"Grüße, 5 € für 音楽"}';
    for (const service of both) service.entry = { ...entry, body, bytes: Buffer.byteLength(body) };
    expect((await sameAnswer(PATHS.history)).body).toContain("5 € für 音楽");
    expect(fast.served).toBe(1);
  });

  it("gets an id of its own where the client's is none that can be logged", async () => {
    const ids = [await fast.ask(PATHS.balance), await fast.ask(PATHS.balance, { "x-request-id": "a b" })].map(
      ({ headers }) => headers["x-request-id"],
    );
    expect(fast.served).toBe(2);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^test-[0-9a-f]{8}-[0-9a-z]+$/);
  });

  it("is counted by status and route, as the framework counts", async () => {
    const counted = async (service: Service) => {
      const names = /^dujyo_api_http\w+_(total|count)\{/;
      const before = await service.figures(names);
      await service.ask(PATHS.balance);
      await service.ask(PATHS.balance, { "if-none-match": etagOf(entry) });
      await service.ask(PATHS.history);
      service.origin = "redis";
      await service.ask(PATHS.history);
      const after = await service.figures(names);
      return [...after]
        .map(([name, value]) => [name, value - (before.get(name) ?? 0)])
        .filter(([, more]) => more);
    };
    const counts = await counted(fast);
    expect(fast.served).toBe(3);
    expect(counts).toEqual(await counted(framework));
    expect(counts).toHaveLength(4);
  });

  it("is told of by the framework where it fails, and counted once", async () => {
    for (const service of both) service.origin = "failing";
    expect(await sameAnswer(PATHS.balance)).toMatchObject({ status: 503, headers: { "retry-after": "3" } });
    expect(fast.limited).toHaveLength(1);
    expect(await fast.figures(/^dujyo_api_in_flight /)).toEqual(new Map([["dujyo_api_in_flight", 1]]));
  });

  it("is in flight while it is read, and refused where too many are, unless it is held", async () => {
    Object.assign(fast, { origin: "redis", slow: true });
    const inFlight = async () => (await fast.figures(/^dujyo_api_in_flight /)).get("dujyo_api_in_flight");
    const asked = Array.from({ length: IN_FLIGHT }, async () => await fast.ask(PATHS.balance));
    // The question itself is answered however many there are, and is one.
    await expect.poll(inFlight).toBe(IN_FLIGHT + 1);
    const refused = await fast.ask(PATHS.balance);
    expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect(refused.body).toContain(`more than ${IN_FLIGHT} requests are in flight`);
    fast.origin = "l1";
    expect((await fast.ask(PATHS.balance)).status).toBe(200);
    for (const release of fast.waiting) release();
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(IN_FLIGHT).fill(200));
    await expect.poll(inFlight).toBe(1);
  });

  it.each([
    ["asks for no document", PATHS.balance, {}, "HEAD"],
    ["has to see a write", PATHS.balance, { "x-read-after": "0/1" }, "GET"],
    ["is about another page", `${PATHS.history}?limit=10`, {}, "GET"],
    ["is about what is no address", "/balance/a.b", {}, "GET"],
    ["is written in another way", `/balance/%44${A.slice(1)}`, {}, "GET"],
    ["changes something", PATHS.balance, {}, "POST"],
    ["is about nothing that there is", "/balances", {}, "GET"],
  ])("is left to the framework where the request %s", async (_why, path, headers, method) => {
    await sameAnswer(path, headers, method);
    expect(fast.served).toBe(0);
    expect(fast.limited).toHaveLength(1);
  });

  it("writes are refused alike where the line for the primary is too long, whoever sends them", async () => {
    const refusals =
      /^dujyo_api_(refused_requests_total|http_responses_total.*5xx|http_request.*_count.*transaction")/;
    const before = await Promise.all(both.map(async (service) => await service.figures(refusals)));
    expect((await sameAnswer("/transaction", {}, "POST")).status).toBe(401);
    for (const { writer } of both) writer.full = true;
    const answer = await sameAnswer("/transaction", {}, "POST");
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect(answer.body).toContain("too many requests wait for the primary");
    expect(fast.limited).toHaveLength(1);
    expect(framework.limited).toHaveLength(1);
    expect((await sameAnswer(PATHS.balance)).status).toBe(200);
    const after = await Promise.all(both.map(async (service) => await service.figures(refusals)));
    const [more] = after.map((figures, at) =>
      [...figures].map(([name, value]) => value - (before[at]?.get(name) ?? 0)),
    );
    expect(more).toEqual([2, 1, 1]);
  });

  it("is refused alike where too many wait for their answers, unless it is held", async () => {
    for (const service of both) Object.assign(service, { origin: "redis", busy: true });
    const answer = await sameAnswer(PATHS.history);
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect(answer.body).toContain(BUSY);
    // Ahead of the framework it costs nothing else.
    expect([fast.limited.length, framework.limited.length]).toEqual([0, 1]);
    for (const service of both) service.origin = "l1";
    expect((await sameAnswer(PATHS.history)).status).toBe(200);
  });

  it("is refused by the framework to whoever asks too often", async () => {
    for (const service of both) service.wait = 7;
    for (const origin of ["l1", "redis"] as const) {
      fast.origin = origin;
      expect(await sameAnswer(PATHS.balance)).toMatchObject({ status: 429, headers: { "retry-after": "7" } });
    }
    expect(fast.served).toBe(0);
  });

  it("is left to the framework while draining, which sees connections off", async () => {
    for (const { made } of both) made.lifecycle.draining = true;
    try {
      expect((await sameAnswer(PATHS.balance)).headers.connection).toBe("close");
      expect(fast.served).toBe(0);
    } finally {
      for (const { made } of both) made.lifecycle.draining = false;
    }
  });
});

it.each([
  [1, "203.0.113.9"],
  [2, "198.51.100.4"],
  [0, "127.0.0.1"],
])("behind %i trusted proxies it counts for whom they were asked by", async (trustedProxies, client) => {
  const fast = await new Service().start({ trustedProxies });
  const framework = await new Service().start({ trustedProxies, ...EVERY_REQUEST_LOGGED });
  try {
    for (const service of [fast, framework]) {
      await service.ask(PATHS.balance, { "x-forwarded-for": "192.0.2.1, 198.51.100.4, 203.0.113.9" });
      expect(service.limited).toEqual([client]);
    }
    expect([fast.served, framework.served]).toEqual([1, 0]);
  } finally {
    await Promise.all([fast.stop(), framework.stop()]);
  }
});
