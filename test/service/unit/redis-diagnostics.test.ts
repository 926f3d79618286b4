import type { Cluster } from "ioredis";
import { describe, expect, it } from "vitest";

import { L1Cache } from "../../../service/src/cache/l1.ts";
import { CacheDiagnostics } from "../../../service/src/cache/redis-diagnostics.ts";

const silent = () => Promise.reject(new Error("Connection is closed."));

const OWNED: string[][] = Array.from({ length: 16_384 }, () => ["redis-0:6379"]);

/** What is told of a cluster whose primaries take it for `states`; undefined is one that does not answer. */
function figures(states: (string | undefined)[], slots = OWNED) {
  const nodes = states.map((state, at) => ({
    options: { host: `redis-${at}`, port: 6379 },
    status: "ready",
    commandQueue: [],
    info: state === undefined ? silent : async () => "used_memory:1024\r\n",
    cluster: state === undefined ? silent : async () => `cluster_state:${state}\r\n`,
  }));
  const client = { slots, nodes: () => nodes } as unknown as Cluster;
  return new CacheDiagnostics(client, new L1Cache(1)).read();
}

describe("the cache's figures", () => {
  it("say healthy where every primary serves keys", async () => {
    expect(await figures(["ok", "ok"])).toMatchObject({ status: "healthy", memory_used: "2.0K" });
  });

  it("say degraded while a primary answers and refuses every key, as in the first seconds after a cold start", async () => {
    const { status, nodes } = await figures(["ok", "fail"]);
    expect(status).toBe("degraded");
    expect(nodes.map(({ healthy }) => healthy)).toEqual([true, false]);
    expect((await figures(["fail", "fail"])).status).toBe("degraded");
  });

  it("say degraded while it is not known who owns a slot", async () => {
    const nobody = OWNED.with(7, []);
    expect((await figures(["ok"], nobody)).status).toBe("degraded");
    expect((await figures(["ok"], OWNED.slice(0, -1))).status).toBe("degraded");
  });

  it("say degraded with one silent primary, unreachable with all of them, or without any", async () => {
    expect(await figures(["ok", undefined])).toMatchObject({ status: "degraded", memory_used: "1.0K" });
    expect(await figures([undefined, undefined])).toMatchObject({ status: "unreachable", memory_used: null });
    expect((await figures([])).status).toBe("unreachable");
  });
});
