import type { Cluster } from "ioredis";
import { describe, expect, it, vi } from "vitest";

import { SlotsWatch } from "../../../service/src/cache/slots-watch.ts";

type Node = readonly [string, number, string];
type Range = [number, number, ...(readonly [string, number, string])[]];

const [ONE, TWO, THREE, FOUR] = ["redis-0", "redis-1", "redis-2", "redis-3"].map(
  (host, at) => [host, 6379 + at, `id${at}`] as const,
) as [Node, Node, Node, Node];

const NOW: Range[] = [
  [0, 8191, ONE, THREE],
  [8192, 16_383, TWO, FOUR],
];
/** The first primary froze, and its replica has taken over. */
const AFTER: Range[] = [
  [0, 8191, THREE],
  [8192, 16_383, TWO, FOUR],
];

/** A client as ioredis keeps it: what it knows of the slots, and a pool of nodes of which the primaries answer. */
function client(knows: Range[], answers: Record<string, () => Promise<Range[]>> = {}) {
  const slots: string[][] = [];
  const nodes = new Map<string, object>();
  for (const [first, last, ...members] of knows) {
    for (let slot = first; slot <= last; slot++)
      slots[slot] = members.map(([host, port]) => `${host}:${port}`);
    members.forEach(([host, port], at) => {
      nodes.set(host, { options: { host, port }, status: "ready", master: at === 0, cluster: answers[host] });
    });
  }
  const refreshSlotsCache = vi.fn();
  const fake = {
    status: "ready",
    slots,
    refreshSlotsCache,
    nodes: (role: string) =>
      [...nodes.values()].filter((node) => role === "all" || (node as { master: boolean }).master),
  };
  return { fake: fake as unknown as Cluster, refreshSlotsCache };
}

const silent = () => Promise.reject(new Error("Command timed out"));

async function look(clients: ReturnType<typeof client>[], addressMap = {}): Promise<void> {
  await new SlotsWatch({ clients: clients.map(({ fake }) => fake), addressMap, everyMs: 1000 }).look();
}

describe("the watch on the slots", () => {
  it("leaves clients alone while they know what the cluster says", async () => {
    const one = client(NOW, { "redis-0": async () => NOW });
    await look([one]);
    expect(one.refreshSlotsCache).not.toHaveBeenCalled();
  });

  it("makes every client read anew when a frozen primary was replaced, asking past the frozen one", async () => {
    const one = client(NOW, { "redis-0": silent, "redis-1": async () => AFTER });
    const subscriber = client(NOW);
    await look([one, subscriber]);
    expect(one.refreshSlotsCache).toHaveBeenCalledOnce();
    expect(subscriber.refreshSlotsCache).toHaveBeenCalledOnce();
  });

  it("refreshes only the client that differs", async () => {
    const one = client(AFTER, { "redis-2": async () => AFTER });
    const subscriber = client(NOW);
    await look([one, subscriber]);
    expect(one.refreshSlotsCache).not.toHaveBeenCalled();
    expect(subscriber.refreshSlotsCache).toHaveBeenCalledOnce();
  });

  it("notices one slot that moved, and a node that the pool has lost", async () => {
    const moved: Range[] = [
      [0, 99, ONE, THREE],
      [100, 100, TWO, FOUR],
      [101, 8191, ONE, THREE],
      NOW[1] as Range,
    ];
    const one = client(NOW, { "redis-0": async () => moved });
    await look([one]);
    expect(one.refreshSlotsCache).toHaveBeenCalledOnce();

    const other = client(AFTER, { "redis-2": async () => NOW.map(([a, b]) => [a, b, a ? TWO : THREE, ONE]) });
    await look([other]);
    expect(other.refreshSlotsCache).toHaveBeenCalledOnce();
  });

  it("lets the clients try by themselves when no node answers", async () => {
    const one = client(NOW, { "redis-0": silent, "redis-1": silent });
    await look([one]);
    expect(one.refreshSlotsCache).toHaveBeenCalledOnce();
  });

  it("compares addresses as they are connected to", async () => {
    const announced = NOW.map(([first, last, primary]) => [
      first,
      last,
      [`node-${primary?.[1]}`, primary?.[1], ""],
    ]);
    const one = client(
      NOW.map(([first, last, primary]) => [first, last, primary] as Range),
      { "redis-0": async () => announced as Range[] },
    );
    const addressMap = {
      "node-6379:6379": { host: "redis-0", port: 6379 },
      "node-6380:6380": { host: "redis-1", port: 6380 },
    };
    await look([one], addressMap);
    expect(one.refreshSlotsCache).not.toHaveBeenCalled();
  });

  it("asks another node each time", async () => {
    const asked: string[] = [];
    const answer = (name: string) => async () => {
      asked.push(name);
      return NOW;
    };
    const { fake } = client(NOW, { "redis-0": answer("redis-0"), "redis-1": answer("redis-1") });
    const watch = new SlotsWatch({ clients: [fake], addressMap: {}, everyMs: 1000 });
    await watch.look();
    await watch.look();
    expect(asked).toEqual(["redis-0", "redis-1"]);
  });
});
