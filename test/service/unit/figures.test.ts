import type { Pool } from "pg";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";

import type { SharedFacts } from "../../../service/src/cache/port.ts";
import { Fleet } from "../../../service/src/metrics/fleet.ts";
import { HitWindow } from "../../../service/src/metrics/hit-window.ts";
import { Latencies, quantile } from "../../../service/src/metrics/latency.ts";
import { Replication } from "../../../service/src/repositories/replication.ts";

/** Hashes in memory, shared by several instances. */
function createFacts(): SharedFacts & { down: boolean } {
  const hashes = new Map<string, Record<string, string>>();
  const answer = (): void => {
    if (facts.down) throw new Error("away");
  };
  const facts: SharedFacts & { down: boolean } = {
    down: false,
    publish: async () => undefined,
    async add(key, fields) {
      answer();
      const hash = hashes.get(key) ?? {};
      for (const [field, amount] of Object.entries(fields))
        hash[field] = String(Number(hash[field] ?? 0) + amount);
      hashes.set(key, hash);
    },
    async readHash(key) {
      answer();
      return hashes.get(key) ?? {};
    },
    async writeField(key, field, value) {
      answer();
      hashes.set(key, { ...hashes.get(key), [field]: value });
    },
    async removeField(key, field) {
      const { [field]: _, ...rest } = hashes.get(key) ?? {};
      hashes.set(key, rest);
    },
  };
  return facts;
}

describe("the cache hit ratio", () => {
  it("is null before the first look-up", async () => {
    expect(await new HitWindow(createFacts()).ratio()).toEqual({
      lookups: 0,
      hits: 0,
      ratio: null,
      scope: "fleet",
    });
  });

  it("is that of all instances over five minutes", async () => {
    const facts = createFacts();
    const [a, b] = [new HitWindow(facts), new HitWindow(facts)];
    const now = Date.now();
    a.count(true, now - 400_000);
    await a.flush();
    for (let at = 0; at < 3; at++) a.count(true, now);
    b.count(false, now);
    await b.flush();
    expect(await a.ratio(now)).toEqual({ lookups: 4, hits: 3, ratio: 0.75, scope: "fleet" });
    expect((await b.ratio(now)).ratio).toBe(0.75);
  });

  it("is the instance's own, and says so, while the others' is out of reach", async () => {
    const facts = createFacts();
    const window = new HitWindow(facts);
    window.count(true);
    facts.down = true;
    expect(await window.ratio()).toMatchObject({ ratio: 1, scope: "instance" });
  });
});

describe("the fleet's figures", () => {
  it("add up, and forget who left", async () => {
    const facts = createFacts();
    const [a, b] = [1, 2].map((requests) => new Fleet(facts, `api-${requests}`, () => ({ requests }))) as [
      Fleet,
      Fleet,
    ];
    await b.report();
    expect(await a.totals()).toEqual({
      instances: ["api-1", "api-2"],
      totals: { requests: 3 },
      scope: "fleet",
    });
    await b.leave();
    expect((await a.totals()).instances).toEqual(["api-1"]);
  });
});

describe("durations", () => {
  it("are counted into the buckets that scrapers read", async () => {
    const registry = new Registry();
    const latencies = new Latencies(registry, "d_seconds", "help");
    const route = latencies.route("/x");
    for (const taken of [0.0005, 0.004, 0.004, 2]) route.observe(taken);
    const text = await registry.metrics();
    expect(text).toContain("# TYPE d_seconds histogram");
    expect(text).toContain('d_seconds_bucket{le="0.001",route="/x"} 1');
    expect(text).toContain('d_seconds_bucket{le="0.005",route="/x"} 3');
    expect(text).toContain('d_seconds_bucket{le="+Inf",route="/x"} 4');
    expect(text).toContain('d_seconds_count{route="/x"} 4');
    expect(quantile(latencies.total(), 0.5)).toBe(0.005);
  });
});

describe("the replicas", () => {
  const of = (rows: object[] | Error, expected: number) =>
    new Replication(
      {
        pool: {
          query: async () => {
            if (rows instanceof Error) throw rows;
            return { rows };
          },
        } as unknown as Pool,
      },
      expected,
    ).read();
  const row = (name: string, state = "streaming") => ({ name, state, lag_bytes: 0 });

  it("are healthy while they stream", async () => {
    const { replicas } = await of([row("postgres-0"), row("postgres-2", "catchup")], 2);
    expect(replicas.map(({ name, is_healthy }) => [name, is_healthy])).toEqual([
      ["postgres-0", true],
      ["postgres-2", false],
    ]);
  });

  it("are all listed, those that the primary does not see as unhealthy", async () => {
    expect((await of([row("postgres-0")], 2)).replicas).toEqual([
      { name: "postgres-0", is_healthy: true, state: "streaming", lag_bytes: 0 },
      { name: "replica_2", is_healthy: false, state: null, lag_bytes: null },
    ]);
    expect((await of([], 2)).replicas.map(({ is_healthy }) => is_healthy)).toEqual([false, false]);
  });

  it("are of unknown health while the primary does not answer", async () => {
    const { primaryHealthy, replicas } = await of(new Error("away"), 1);
    expect(primaryHealthy).toBe(false);
    expect(replicas).toMatchObject([{ is_healthy: false, state: null }]);
  });
});
