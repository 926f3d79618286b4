import { setTimeout as pause } from "node:timers/promises";

import type { FastifyRequest } from "fastify";
import { beforeEach, describe, expect, it } from "vitest";

import { accountKey } from "../../../service/src/cache/keys.ts";
import type { Loaded, Source } from "../../../service/src/cache/read-through.ts";
import { Problem } from "../../../service/src/errors.ts";
import { read } from "../../../service/src/routes/serve.ts";
import { FakeShared } from "../support/fake-shared.ts";
import { content, createProcess } from "../support/in-memory-process.ts";

const KEY = accountKey("balance", "A");

function source(load: Source["load"], ttlMs = 30_000): Source {
  return { key: KEY, ttlMs, load };
}

/** The shared cache, and the names of what it is asked for, in turn. */
function countCalls(shared: FakeShared): { counting: FakeShared; asked: string[] } {
  const asked: string[] = [];
  const counting = new Proxy(shared, {
    get(target, name: keyof FakeShared) {
      const member = target[name];
      if (typeof member !== "function") return member;
      return (...args: never[]) => {
        asked.push(name);
        return (member as (...args: never[]) => unknown).apply(target, args);
      };
    },
  });
  return { counting, asked };
}

describe("the read path", () => {
  let shared: FakeShared;

  beforeEach(() => {
    shared = new FakeShared();
  });

  it("answers from a node, then from the process, then from the shared cache", async () => {
    const [a, b] = [createProcess(shared, "a"), createProcess(shared, "b")];
    const from = source(async () => content(1));
    await a.cache.get(from);
    await a.cache.get(from);
    await b.cache.get(from);

    expect(a.origins).toEqual(["replica", "l1"]);
    expect(b.origins).toEqual(["redis"]);
  });

  it("asks the shared cache once for an answer from there, never for its own, and three times on a miss", async () => {
    const { counting, asked } = countCalls(shared);
    const [a, b] = [createProcess(counting, "a"), createProcess(counting, "b")];
    const from = source(async () => content(1));

    await a.cache.get(from);
    expect(asked.splice(0)).toEqual(["get", "lease", "fill"]);
    await a.cache.get(from);
    expect(asked.splice(0)).toEqual([]);
    await b.cache.get(from);
    expect(asked).toEqual(["get"]);
  });

  it("asks at once to refill what it holds itself and is over, unless another process has done so", async () => {
    const { counting, asked } = countCalls(shared);
    const [a, b] = [createProcess(counting, "a"), createProcess(counting, "b")];
    let version = 1;
    const from = source(async () => content(version++), 50);
    for (const { cache } of [a, b]) await cache.get(from);
    await pause(60);
    asked.splice(0);

    await a.cache.get(from);
    expect(asked.splice(0)).toEqual(["lease", "fill"]);
    // b holds the one before, and the new one is over as well by now.
    await pause(60);
    await b.cache.get(from);
    expect(asked.splice(0)).toEqual(["lease", "lease", "fill"]);

    const lasting = source(async () => content(version++));
    await pause(60);
    await a.cache.get(lasting);
    asked.splice(0);
    expect((await b.cache.get(lasting)).entry.version).toBe(version - 1);
    expect(asked).toEqual(["lease"]);
    expect(shared.leases.size).toBe(0);
    expect(b.origins.at(-1)).toBe("redis");
  });

  it("refuses what would come too late, but nobody who wants what others wait for", async () => {
    const { cache } = createProcess(shared, "a");
    const old: Source = { key: "old", ttlMs: 1, load: async () => content(1) };
    await cache.get(old);
    const ends: (() => void)[] = [];
    const slow = (at: number): Source => ({
      ...{ key: `slow-${at}`, ttlMs: 1 },
      load: () => new Promise((resolve) => ends.push(() => resolve(content(1)))),
    });
    const ask = (many: number, first = 0) =>
      Array.from({ length: many }, (_, at) => cache.get(slow(first + at)));
    const endAll = async (many: number, asked: readonly Promise<unknown>[]) => {
      await expect.poll(() => ends.length).toBe(many);
      await pause(400);
      for (const end of ends.splice(0)) end();
      await Promise.all(asked);
    };
    // Each of the later half ends with about a hundred others after 400 ms: one more takes 4 ms, and 64 take longer than the 100
    // that are allowed.
    await endAll(128, ask(128));
    const asked = ask(64, 128);
    expect(cache.busy("slow-128")).toBe(false);
    expect(cache.busy("another")).toBe(true);
    await expect(cache.get(slow(192))).rejects.toMatchObject({ code: "overloaded" });
    // What it knew last is better than nothing.
    expect(cache.busy("old")).toBe(false);
    expect((await cache.get(old)).origin).toBe("stale");
    await endAll(64, [...asked, cache.get(slow(128))]);
  });

  it("counts a read that has to see a version once, by where that was found", async () => {
    const { cache, origins } = createProcess(shared, "a");
    const replica = source(async () => content(1));
    const view = { ...replica, loadAfter: async () => content(2, "primary") };
    const ask = (version: number) =>
      read(
        { headers: { "x-read-after": `0/1;A=${version}` } } as unknown as FastifyRequest,
        cache,
        view,
        "A",
      );
    await cache.get(replica);

    expect((await ask(1)).origin).toBe("l1");
    expect(await ask(2)).toMatchObject({ origin: "primary", entry: { version: 2 } });
    expect(origins).toEqual(["replica", "l1", "primary"]);
  });

  it("reads once for many requests of two processes", async () => {
    let reads = 0;
    const from = source(async () => {
      reads++;
      await pause(30);
      return content(1);
    });
    const processes = [createProcess(shared, "a"), createProcess(shared, "b")];
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, at) => processes[at % 2]?.cache.get(from)),
    );

    expect(reads).toBe(1);
    expect(new Set(answers.map((answer) => answer?.entry.version))).toEqual(new Set([1]));
  });

  it("does not let a slow fill undo an invalidation", async () => {
    const { cache, coherence } = createProcess(shared, "a");
    const nodes: string[] = [];
    const from = source(async (node) => {
      nodes.push(node);
      if (node === "primary") return content(2, "primary");
      // The change comes while the replica still answers from before it.
      coherence.invalidate("balances", [["A", 2]]);
      return content(1);
    });

    expect((await cache.get(from)).entry.version).toBe(2);
    expect(nodes).toEqual(["any", "primary"]);
    expect(shared.entries.get(KEY)?.version).toBe(2);
  });

  it("gives a slow fill the newer content that another process stored", async () => {
    const [a, b] = [createProcess(shared, "a"), createProcess(shared, "b")];
    const slow = source(async () => {
      await b.cache.put(
        source(async () => content(5)),
        content(5, "primary"),
        1,
      );
      return content(4);
    });
    const served = await a.cache.get(slow);

    expect(served.entry.version).toBe(5);
    expect(served.origin).toBe("redis");
  });

  it("replaces the answer about an unknown account on its first credit", async () => {
    const { cache, coherence } = createProcess(shared, "a");
    let known: Loaded = { ...content(0), kind: "absent", body: "0" };
    const from = source(async () => known);
    await cache.get(from);
    known = content(1);
    coherence.invalidate("balances", [["A", 1]]);

    expect((await cache.get(from)).entry.version).toBe(1);
  });

  it("forgets what another instance wrote as soon as it hears of it", async () => {
    const { cache, coherence, origins } = createProcess(shared, "a");
    await cache.get(source(async () => content(1)));
    shared.entries.clear();
    coherence.forgetAccounts([["A", 2]]);
    const served = await cache.get(
      source(async (node) => (node === "primary" ? content(2, "primary") : content(1))),
    );

    expect(served.entry.version).toBe(2);
    expect(origins).toEqual(["replica", "primary"]);
  });

  it("serves the last known content, marked, when no node answers", async () => {
    const { cache, trust } = createProcess(shared, "a");
    await cache.get(source(async () => content(1), 1));
    await pause(5);
    trust.lose("listen");
    const served = await cache.get(source(() => Promise.reject(new Problem("unavailable")), 1));

    expect(served.origin).toBe("stale");
    expect(served.entry.version).toBe(1);
  });

  it("does not serve last known content that is known to be superseded", async () => {
    const { cache, coherence } = createProcess(shared, "a");
    await cache.get(source(async () => content(1), 1));
    coherence.forgetAccounts([["A", 2]]);

    await expect(cache.get(source(() => Promise.reject(new Problem("unavailable"))))).rejects.toThrow(
      Problem,
    );
  });

  it("keeps answering without the shared cache, one read per process", async () => {
    const { cache } = createProcess(shared, "a");
    shared.down = true;
    let reads = 0;
    const from = source(async () => {
      reads++;
      await pause(5);
      return content(1);
    });
    await Promise.all(Array.from({ length: 100 }, () => cache.get(from)));

    expect(reads).toBe(1);
  });

  it("gives the lease back when the node fails", async () => {
    const { cache } = createProcess(shared, "a");
    await expect(cache.get(source(() => Promise.reject(new Problem("unavailable"))))).rejects.toThrow(
      Problem,
    );

    expect(shared.leases.size).toBe(0);
  });

  it("renews an entry in the background shortly before its end", async () => {
    const { cache, origins } = createProcess(shared, "a");
    let version = 1;
    const from = source(async () => {
      await pause(20);
      return content(version++);
    }, 200);
    await cache.get(from);
    const end = Date.now() + 2000;
    // About ten times the cost before its end, the lot becomes likely.
    while (shared.entries.get(KEY)?.version === 1 && Date.now() < end) {
      await cache.get(from);
      await pause(2);
    }

    expect(shared.entries.get(KEY)?.version).toBe(2);
    expect(origins.filter((origin) => origin === "replica")).toHaveLength(1);
  });

  it("renews from the primary where the replica is behind what the process knows", async () => {
    const { cache, floors } = createProcess(shared, "a");
    const nodes: string[] = [];
    // A cost beyond its life makes the refresh of the entry certain.
    await cache.put(
      source(async () => content(2)),
      content(2),
      1e9,
    );
    floors.raise(KEY, 2, 0);
    shared.entries.clear();
    await cache.get(
      source(async (node) => {
        nodes.push(node);
        return node === "primary" ? content(2, "primary") : content(1);
      }),
    );
    await expect.poll(() => shared.entries.get(KEY)?.version).toBeDefined();

    expect(shared.entries.get(KEY)?.version).toBe(2);
    expect(nodes).toEqual(["any", "primary"]);
  });

  it("reads history anew once a block seals what the page shows as pending", async () => {
    const { cache, trust, origins } = createProcess(shared, "a");
    const from = source(async () => ({ ...content(1), wrongAtTip: 7 }));
    await cache.get(from);
    await cache.get(from);
    trust.learnTip(7);
    await cache.get(from);

    expect(origins).toEqual(["replica", "l1", "replica"]);
  });
});
