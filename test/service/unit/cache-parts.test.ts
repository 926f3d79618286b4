import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";

import { type CacheEntry, decodeEntry, encodeEntry, etagOf } from "../../../service/src/cache/entry.ts";
import { jitteredTtl, refreshesEarly } from "../../../service/src/cache/expiry.ts";
import { Floors } from "../../../service/src/cache/floors.ts";
import { accountKey } from "../../../service/src/cache/keys.ts";
import { L1Cache } from "../../../service/src/cache/l1.ts";
import { RedisCache } from "../../../service/src/cache/redis-cache.ts";
import type { ScriptedRedis } from "../../../service/src/cache/redis-client.ts";
import { parseLsn } from "../../../service/src/database/lsn.ts";
import { PrimaryClock } from "../../../service/src/database/primary-clock.ts";
import { formatReadAfter, parseReadAfter } from "../../../service/src/read-after.ts";
import type { Breaker } from "../../../service/src/resilience/circuit-breaker.ts";

const entry: CacheEntry = {
  kind: "value",
  version: 12,
  second: 3,
  readAt: 1_700_000_000_000,
  expiresAt: 1_700_000_030_000,
  costMs: 4,
  wrongAtTip: 9,
  body: '{"address":"A","balance":1}\n',
  bytes: 28,
  etag: undefined,
};

describe("an entry", () => {
  it("survives the way through the shared cache", () => {
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  });

  it("has one tag for as long as it is the same", () => {
    const tag = etagOf({ ...entry });
    expect(tag).toMatch(/^W\/"[-0-9a-z]+"$/);
    expect(etagOf(decodeEntry(encodeEntry(entry)) as CacheEntry)).toBe(tag);
    for (const other of [{ version: 13 }, { second: 4 }, { readAt: entry.readAt + 1 }])
      expect(etagOf({ ...entry, ...other })).not.toBe(tag);
  });

  it("knows how many bytes its text is sent as", () => {
    const foreign = { ...entry, body: "Grüße, 5 €" };
    expect(decodeEntry(encodeEntry(foreign))?.bytes).toBe(Buffer.byteLength(foreign.body));
  });

  it("is not made out of foreign bytes", () => {
    expect(decodeEntry("hello")).toBeUndefined();
    expect(decodeEntry('1 2 x 3 4 5 6\n{"a":1}')).toBeUndefined();
    expect(decodeEntry("")).toBeUndefined();
  });
});

/** Bytes of an entry with a short key, at least. */
const SLOT = 400;

/** Collects all garbage, and tells how much of the heap is in use. */
async function heapAfterCollection(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What is held weakly stays until the turn in which it was made is over.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return process.memoryUsage().heapUsed;
}

describe("the process's own cache", () => {
  it("stays below its limit and keeps what is used", () => {
    const l1 = new L1Cache(20 * SLOT);
    for (let at = 0; at < 100; at++) {
      l1.set(`key${at}`, entry);
      l1.get("key0");
    }
    expect(l1.bytes).toBeLessThanOrEqual(20 * SLOT);
    expect(l1.get("key0")).toBeDefined();
    expect(l1.get("key1")).toBeUndefined();
    expect(l1.get("key99")).toBeDefined();
  });

  it("keeps what is used through every round of what is not", () => {
    const l1 = new L1Cache(20 * SLOT);
    l1.set("kept", entry);
    for (let at = 0; at < 1_000; at++) {
      expect(l1.get("kept")).toBeDefined();
      l1.set(`once${at}`, entry);
    }
    l1.clear();
    for (let at = 0; at < 100; at++) l1.set(`again${at}`, entry);
    expect(l1.size).toBeGreaterThanOrEqual(18);
    expect(l1.get("again99")).toBeDefined();
  });

  it("makes room at a cost that does not grow with what it holds", () => {
    const microsOf = (slots: number): number => {
      const l1 = new L1Cache(slots * SLOT);
      for (let at = 0; at < 2 * slots; at++) l1.set(`first${at}`, entry);
      const rounds = [1, 2, 3].map((round) => {
        const begin = performance.now();
        for (let at = 0; at < 20_000; at++) l1.set(`round${round}-${at}`, entry);
        return ((performance.now() - begin) * 1000) / 20_000;
      });
      return Math.min(...rounds);
    };
    // A search that began at the front each time took ten times as long here.
    expect(microsOf(50_000) / microsOf(500)).toBeLessThan(5);
  });

  it.each([
    ["was replaced", "key", 50],
    ["had to make room", "once", 10_000],
  ])("keeps nothing of what %s", async (_, name, keys) => {
    const l1 = new L1Cache(100 * SLOT);
    const put = (key: string): WeakRef<CacheEntry> => {
      const own = { ...entry };
      l1.set(key, own);
      return new WeakRef(own);
    };
    const gone = Array.from({ length: 50 }, (_, at) => put(`key${at}`));
    for (let at = 0; at < 10_000; at++) put(`${name}${at % keys}`);
    await heapAfterCollection();
    expect(gone.filter((entry) => entry.deref() !== undefined)).toEqual([]);
  });

  /** Asks for a key, and puts it where it is not held. @returns whether it was held. */
  function ask(l1: L1Cache, key: string, answer = entry): boolean {
    const held = l1.get(key) !== undefined;
    if (!held) l1.set(key, answer);
    return held;
  }

  const flood = (l1: L1Cache, name: string, count: number): void => {
    for (let at = 0; at < count; at++) ask(l1, `${name}${at}`);
  };

  it("keeps those that are asked for now and then through a flood of those that are asked for once", () => {
    const l1 = new L1Cache(1_000 * SLOT);
    const wanted = Array.from({ length: 500 }, (_, at) => `wanted${at}`);
    // Twice each, so that they are past their probation.
    for (let round = 0; round < 2; round++) for (const key of wanted) ask(l1, key);
    for (let round = 0; round < 10; round++) {
      flood(l1, `once${round}-`, 2_000);
      expect(wanted.filter((key) => !ask(l1, key))).toEqual([]);
    }
  });

  it("keeps those whose hits pay for their turns where others that are past their probation go", () => {
    const l1 = new L1Cache(1_000 * SLOT);
    const wanted = Array.from({ length: 100 }, (_, at) => `wanted${at}`);
    for (let round = 0; round < 20; round++) {
      const missed = wanted.filter((key) => !ask(l1, key));
      // By then the main queue is full, and each has its turn every few rounds.
      if (round >= 10) expect(missed).toEqual([]);
      for (let time = 0; time < 2; time++) flood(l1, `twice${round}-`, 300);
    }
    expect(l1.get("twice0-0")).toBeUndefined();
  });

  it("gives one that is wanted soon after it went a place at once", () => {
    const l1 = new L1Cache(1_000 * SLOT);
    flood(l1, "first", 1_050);
    expect(ask(l1, "first0")).toBe(false);
    flood(l1, "second", 2_000);
    expect(ask(l1, "first0")).toBe(true);
  });

  it("lets large answers pay for their turns by their size", () => {
    const l1 = new L1Cache(1_000 * SLOT);
    const large = { ...entry, bytes: 20_000 };
    for (const key of ["small", "large"]) ask(l1, key, key === "large" ? large : entry);
    for (let at = 0; at < 5; at++) for (const key of ["small", "large"]) expect(ask(l1, key)).toBe(true);
    flood(l1, "once", 2_000);
    expect(l1.get("small")).toBeDefined();
    expect(l1.get("large")).toBeUndefined();
  });

  it("leaves news of what is held in its place, also when the old was taken out first", () => {
    const l1 = new L1Cache(1_000 * SLOT);
    for (const key of ["replaced", "written"]) for (let at = 0; at < 4; at++) ask(l1, key);
    flood(l1, "once", 2_000);
    const news = { ...entry, version: 13 };
    l1.set("replaced", news);
    l1.delete("written");
    l1.set("written", news);
    flood(l1, "more", 2_000);
    expect(l1.get("replaced")).toBe(news);
    expect(l1.get("written")).toBe(news);
  });

  it("takes no more than it counts, with keys out of addresses of requests and texts of the shared cache", async () => {
    const count = 20_000;
    const read = (text: string): string => Buffer.from(text).toString();
    const filled = (): L1Cache => {
      const l1 = new L1Cache(2 ** 30);
      for (let at = 0; at < count; at++) {
        const url = read(`/balance/dyo1${String(at * 7919).padStart(38, "abcdef")}`);
        const address = url.slice("/balance/".length);
        const body = JSON.stringify({ address, balance: 1_000 + at, timestamp: 1_764_000_000 });
        const text = read(encodeEntry({ ...entry, body, readAt: entry.readAt + at }));
        const held = decodeEntry(text) as CacheEntry;
        etagOf(held);
        l1.set(accountKey("balance", address), held);
      }
      return l1;
    };
    // What is compiled at the first time is not what an entry takes.
    filled();
    const before = await heapAfterCollection();
    const l1 = filled();
    const taken = (await heapAfterCollection()) - before;
    expect(l1.size).toBe(count);
    expect(taken / l1.bytes).toBeLessThan(1);
    expect(taken / l1.bytes).toBeGreaterThan(0.7);
  });

  it("counts what it gives back", () => {
    const l1 = new L1Cache(10_000);
    l1.set("a", entry);
    l1.set("a", entry);
    l1.delete("a");
    expect([l1.size, l1.bytes]).toEqual([0, 0]);
  });
});

describe("messages to the other instances", () => {
  it("keep their order: one connection carries them all, whichever carry the entries", async () => {
    const carried: string[] = [];
    const client = (name: string) =>
      ({
        djPublish: async () => carried.push(name),
        get: async () => {
          carried.push(name);
          return null;
        },
      }) as unknown as ScriptedRedis;
    let turn = 0;
    const breaker = { run: (call: () => unknown) => call() } as unknown as Breaker;
    const cache = new RedisCache(
      () => client(`entries ${turn++ % 2}`),
      () => breaker,
      client("messages"),
    );
    for (const text of ["1", "2", "3"]) {
      await cache.publish("channel", text);
      await cache.get("key");
    }

    expect(carried.filter((name) => name === "messages")).toHaveLength(3);
    expect(new Set(carried).size).toBe(3);
  });
});

describe("floors", () => {
  it("allow what reaches them in both versions", () => {
    const floors = new Floors(1000, 10);
    floors.raise("k", 2, 0);
    floors.raise("k", 0, 5);
    expect(floors.allows("k", { version: 2, second: 5 })).toBe(true);
    expect(floors.allows("k", { version: 3, second: 4 })).toBe(false);
    expect(floors.allows("other", { version: 0, second: 0 })).toBe(true);
  });

  it("go when they are over, full or not", () => {
    const floors = new Floors(1000, 10_000);
    for (let at = 0; at < 100; at++) floors.raise(`k${at}`, 1, 0, at);
    floors.raise("later", 1, 0, 3000);
    expect(floors.size).toBe(1);
  });

  it("say when they are full, and make room for those that ended", () => {
    const floors = new Floors(1000, 2);
    expect(floors.raise("a", 1, 0, 0)).toBe(true);
    expect(floors.raise("b", 1, 0, 0)).toBe(true);
    expect(floors.raise("c", 1, 0, 500)).toBe(false);
    expect(floors.raise("d", 1, 0, 1500)).toBe(true);
  });
});

describe("expiry", () => {
  it("is drawn below the time to live", () => {
    expect(jitteredTtl(1000, 0.1, 0)).toBe(1000);
    expect(jitteredTtl(1000, 0.1, 1)).toBe(900);
  });

  it("comes early the more often, the nearer the end and the dearer the reading", () => {
    const early = (left: number, costMs: number): number => {
      let hits = 0;
      const candidate = { ...entry, expiresAt: left, costMs };
      for (let at = 0; at < 1000; at++) if (refreshesEarly(candidate, 0)) hits++;
      return hits;
    };
    expect(early(10_000, 10)).toBe(0);
    expect(early(10, 10)).toBeGreaterThan(250);
    expect(early(50, 10)).toBeLessThan(50);
  });
});

describe("positions of the log", () => {
  it("compare as numbers", () => {
    expect(parseLsn("0/16B3748")).toBeLessThan(parseLsn("1/0") ?? 0);
    expect(parseLsn("x")).toBeUndefined();
  });

  it("tell up to when a replica is current", () => {
    const clock = new PrimaryClock(8000);
    clock.note(1000, 10);
    clock.note(2000, 20);
    expect(clock.currentAt(25)).toBe(2000);
    expect(clock.currentAt(15)).toBe(1000);
    expect(clock.currentAt(5)).toBeUndefined();
  });

  it("travel in a token together with the accounts' versions", () => {
    const versions = new Map([
      ["A", 3],
      ["B-1", 4],
    ]);
    const token = formatReadAfter({ lsn: "0/1F", versions });
    expect(token).toBe("0/1F;A=3;B-1=4");
    expect(parseReadAfter(token)).toEqual({ lsn: "0/1F", versions });
    expect(parseReadAfter("0/1F").versions.size).toBe(0);
  });
});
