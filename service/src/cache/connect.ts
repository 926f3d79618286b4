import type { Cluster } from "ioredis";

import type { ServiceConfig } from "../config.ts";
import { type Breaker, createBreaker } from "../resilience/circuit-breaker.ts";
import type { L1Cache } from "./l1.ts";
import { RedisCache } from "./redis-cache.ts";
import { connectRedis, nodeOf, type ScriptedRedis, servesKeys } from "./redis-client.ts";
import { CacheDiagnostics } from "./redis-diagnostics.ts";
import { SlotsWatch } from "./slots-watch.ts";

/** A new owner of slots is learnt within this time, even if no redirection tells. */
const LOOK_MS = 1000;

export interface CacheConnections {
  readonly cache: RedisCache;
  /** A set of its own: a connection that subscribes can do nothing else. */
  readonly subscriber: Cluster;
  readonly diagnostics: CacheDiagnostics;
  /** Of the nodes that own slots at the moment. */
  breakers(): readonly Breaker[];
  close(): void;
}

/** Connects to the cluster, with a breaker for each of its nodes. */
export function connectCache(
  config: ServiceConfig,
  l1: L1Cache,
  onError: (error: Error) => void,
): CacheConnections {
  const clients = Array.from({ length: config.redis.connectionsPerNode }, (_, at) =>
    connectRedis(config, `cache-${at}`, onError),
  );
  const [first] = clients;
  if (!first) throw new Error("bug: a cache without connections");
  const subscriber = connectRedis(config, "peers", onError);
  const watch = new SlotsWatch({
    clients: [...clients, subscriber],
    addressMap: config.redis.addressMap,
    everyMs: LOOK_MS,
  });
  watch.start();
  const breakers = new Map<string, Breaker>();
  const breakerFor = (key: string): Breaker => {
    const node = nodeOf(first, key);
    // The client would ask any node, and be told by it; a cluster that is being made has no owner of slots at all.
    if (node === undefined) throw new Error("no node of the cache owns the key's slot");
    let breaker = breakers.get(node);
    if (!breaker) {
      const name = `redis ${node}`;
      // Without a cluster calls fail at once and cost nothing: counting those would only put off its return.
      breaker = createBreaker({
        name,
        ...config.breaker,
        counts: () => first.status === "ready",
        probe: () => probeNode(first, node),
      });
      breakers.set(node, breaker);
    }
    return breaker;
  };
  /** A node that lost its slots is asked nothing any more: whatever its breaker says, it concerns nobody. */
  const prune = (): void => {
    const owners = new Set(first.slots.map(([owner]) => owner));
    // Without a map of the slots it is not known who owns none.
    if (owners.size === 0) return;
    for (const [node, breaker] of breakers) {
      if (owners.has(node)) continue;
      breaker.abandon();
      breakers.delete(node);
    }
  };
  let turn = 0;
  const clientFor = (key: string): ScriptedRedis => {
    if (clients.length === 1) return first;
    const client = clients[turn++ % clients.length] ?? first;
    return nodeOf(client, key) === undefined ? first : client;
  };
  return {
    cache: new RedisCache(clientFor, breakerFor, first),
    subscriber,
    diagnostics: new CacheDiagnostics(first, l1),
    breakers() {
      prune();
      return [...breakers.values()];
    },
    close() {
      watch.stop();
      for (const client of [...clients, subscriber]) client.disconnect();
    },
  };
}

/** Whether a node answers and takes its cluster for whole: if not, it would refuse every key. */
async function probeNode(client: Cluster, name: string): Promise<void> {
  const node = client.nodes("all").find(({ options }) => `${options.host}:${options.port}` === name);
  if (node === undefined) throw new Error(`${name} is no node of the cluster`);
  if (!(await servesKeys(node))) throw new Error(`${name} says that its cluster is not whole`);
}
