import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { networkOf } from "../../../service/src/plugins/rate-limits.ts";
import { RateLimiter } from "../../../service/src/resilience/rate-limiter.ts";
import { A, B, type TestApp, TRANSFER, testApp } from "../support/test-app.ts";

/** A whole number of windows. */
const START = 1_800_000_000_000;

/** The shared cache's counters in memory, with what was asked of them. */
class Counters {
  readonly hashes = new Map<string, Map<string, number>>();
  calls = 0;
  gone = false;

  async add(key: string, fields: Readonly<Record<string, number>>): Promise<void> {
    this.#ask();
    const hash = this.hashes.get(key) ?? new Map();
    this.hashes.set(key, hash);
    for (const [field, amount] of Object.entries(fields)) hash.set(field, (hash.get(field) ?? 0) + amount);
  }

  async readHash(key: string): Promise<Record<string, string>> {
    this.#ask();
    return Object.fromEntries(Array.from(this.hashes.get(key) ?? [], ([field, sum]) => [field, String(sum)]));
  }

  #ask(): void {
    this.calls++;
    if (this.gone) throw new Error("no cache");
  }
}

/** How many of some requests at one moment are let through. */
function through(limiter: RateLimiter, requests: number, now: number, key = "k"): number {
  return Array.from({ length: requests }, () => limiter.take(key, now)).filter((wait) => wait === 0).length;
}

describe("a rate limiter", () => {
  const make = (perSecond: number, facts = new Counters()) =>
    new RateLimiter({ name: "test", perSecond, facts });

  it("lets its rate through over any ten seconds, and each key has its own", () => {
    const limiter = make(10);
    expect(through(limiter, 300, START)).toBe(100);
    expect(through(limiter, 10, START + 9_999)).toBe(0);
    // Half of the window before still counts in the middle of the next one.
    expect(through(limiter, 300, START + 15_000)).toBe(50);
    expect(through(limiter, 300, START, "other")).toBe(100);
    expect(through(limiter, 300, START + 40_000)).toBe(100);
  });

  it.each([
    0, 4_000, 9_900,
  ])("says when to come back: not sooner, and then it is so (%i ms into a window)", (at) => {
    const limiter = make(10);
    through(limiter, 100, START + at);
    const wait = limiter.take("k", START + at);
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(limiter.take("k", START + at + (wait - 1) * 1000)).toBeGreaterThan(0);
    expect(limiter.take("k", START + at + wait * 1000)).toBe(0);
  });

  it("says so too while the window before still weighs", () => {
    const limiter = make(10);
    through(limiter, 100, START);
    expect(through(limiter, 100, START + 12_000)).toBe(20);
    const wait = limiter.take("k", START + 12_000);
    expect(limiter.take("k", START + 12_000 + wait * 1000)).toBe(0);
  });

  it("of 0 limits nothing and remembers nobody", () => {
    const limiter = make(0);
    expect(through(limiter, 1000, START)).toBe(1000);
    expect(limiter.keys).toBe(0);
  });

  it("takes a load generator of 10,000 requests a second with one key", () => {
    const limiter = make(11_000);
    for (let second = 0; second < 30; second++)
      expect(through(limiter, 10_000, START + second * 1000 + 999)).toBe(10_000);
  });

  it("asks the shared cache nothing for a request, and twice a second for all of them together", async () => {
    const facts = new Counters();
    const limiter = make(10, facts);
    for (let key = 0; key < 500; key++) through(limiter, 20, START, `k${key}`);
    expect(facts.calls).toBe(0);
    await limiter.exchange(START);
    expect(facts.calls).toBe(2);
    await limiter.exchange(START + 1000);
    expect(facts.calls).toBe(2);
  });

  it("holds over all processes once they have told each other", async () => {
    const facts = new Counters();
    const [one, two] = [make(10, facts), make(10, facts)];
    expect(through(one, 60, START) + through(two, 30, START)).toBe(90);
    await one.exchange(START);
    await two.exchange(START);
    await one.exchange(START);
    // The second has heard of the first; the first told before there was anything to hear.
    expect(through(two, 100, START)).toBe(10);
    through(one, 1, START);
    await one.exchange(START);
    expect(through(one, 100, START)).toBeLessThanOrEqual(39);
    await two.exchange(START);
    await one.exchange(START);
    expect(through(two, 100, START)).toBe(0);
  });

  it("counts no request twice when an answer of the shared cache was lost", async () => {
    const facts = new Counters();
    const limiter = make(10, facts);
    through(limiter, 50, START);
    facts.gone = true;
    await expect(limiter.exchange(START)).rejects.toThrow("no cache");
    facts.gone = false;
    through(limiter, 10, START);
    await limiter.exchange(START);
    expect(through(limiter, 100, START)).toBe(40);
  });

  it("without the shared cache limits each process by itself", async () => {
    const facts = new Counters();
    facts.gone = true;
    const [one, two] = [make(10, facts), make(10, facts)];
    expect(through(one, 150, START) + through(two, 150, START)).toBe(200);
    await expect(one.exchange(START)).rejects.toThrow("no cache");
    expect(through(one, 150, START)).toBe(0);
  });

  it("writes nobody's address into the shared cache", async () => {
    const facts = new Counters();
    const limiter = make(10, facts);
    through(limiter, 50, START, "192.0.2.7");
    await limiter.exchange(START);
    const [[key, hash] = []] = facts.hashes;
    expect(key).toMatch(/^dujyo:\{rate}:test:\d+$/);
    expect([...(hash?.keys() ?? [])]).toEqual([expect.stringMatching(/^[\w-]{16}$/)]);
  });

  it("keeps its memory bounded under any number of callers", () => {
    const limiter = make(10);
    for (let caller = 0; caller < 60_000; caller++) limiter.take(`k${caller}`, START);
    expect(limiter.keys).toBe(50_000);
    expect(through(limiter, 300, START, "k1")).toBe(99);
  });
});

describe("the network of an address", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:DB8:1:2::9", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
  ])("%s is %s", (ip, network) => expect(networkOf(ip)).toBe(network));
});

describe("the API's limits", () => {
  let made: TestApp;
  // Limits are kept by windows of the clock: one that ended among a test's requests would let more of them in.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
  afterEach(async () => {
    vi.useRealTimers();
    await made.app.close();
  });
  const limits = (address: number, principal: number) => {
    const limiter = (name: string, perSecond: number) =>
      new RateLimiter({ name, perSecond, facts: new Counters() });
    return { limiters: { address: limiter("address", address), principal: limiter("principal", principal) } };
  };
  const post = async (from: string) =>
    await made.app.inject({
      method: "POST",
      url: "/transaction",
      headers: { "idempotency-key": "k", ...(await made.bearer(from)) },
      payload: { ...TRANSFER, from },
    });
  const read = (headers = {}, url = `/balance/${A}`) => made.app.inject({ url, headers });

  it("by principal answer 429 as a problem document with Retry-After, and leave others alone", async () => {
    made = await testApp({}, limits(0, 1));
    const answers = [];
    for (let n = 0; n < 11; n++) answers.push(await post(A));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([...Array(10).fill(200), 429]);
    const refused = answers.at(-1);
    expect(refused?.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(refused?.json()).toMatchObject({ status: 429, code: "rate_limited" });
    expect(Number(refused?.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    expect((await post(B)).statusCode).toBe(200);
    const text = (await read({ accept: "text/plain" }, "/metrics")).body;
    expect(text).toContain('dujyo_api_rate_limited_requests_total{by="principal"} 1');
  });

  it("by address hold for every route but health and metrics, unknown ones too", async () => {
    made = await testApp({}, limits(1, 0));
    for (let n = 0; n < 10; n++) await read();
    expect((await read()).statusCode).toBe(429);
    expect((await read({}, "/no/such/route")).statusCode).toBe(429);
    expect((await post(A)).statusCode).toBe(429);
    expect((await read({}, "/health")).statusCode).toBe(200);
    expect((await read({}, "/metrics")).statusCode).not.toBe(429);
  });

  it("by address count whom the trusted proxy names, and believe nothing that stands before that", async () => {
    made = await testApp({ trustedProxies: 1 }, limits(1, 0));
    for (let n = 0; n < 10; n++) await read({ "x-forwarded-for": `198.51.100.${n}, 192.0.2.7` });
    expect((await read({ "x-forwarded-for": "203.0.113.1, 192.0.2.7" })).statusCode).toBe(429);
    expect((await read({ "x-forwarded-for": "192.0.2.7, 192.0.2.8" })).statusCode).toBe(200);
  });

  it("by address believe no header without a trusted proxy", async () => {
    made = await testApp({}, limits(1, 0));
    for (let n = 0; n < 10; n++) await read({ "x-forwarded-for": `192.0.2.${n}` });
    expect((await read({ "x-forwarded-for": "192.0.2.99" })).statusCode).toBe(429);
  });
});
