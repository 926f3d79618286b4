import calculateSlot from "cluster-key-slot";
import { Cluster, type ClusterOptions, type Redis } from "ioredis";

import type { ServiceConfig } from "../config.ts";
import { batchWrites } from "./batched-writes.ts";
import { lookBeforeTimeout } from "./command-timeout.ts";
import { BURY, FILL, LEASE, PUBLISH, RELEASE } from "./scripts.ts";

type Marker = [version: number, second: number, text: string, keepMs: number];

/** The client with the cache's scripts as commands. */
export interface ScriptedRedis extends Cluster {
  djLease(
    key: string,
    lease: string,
    holder: string,
    leaseMs: number,
    old: string,
  ): Promise<[number, string | null]>;
  djRelease(lease: string, holder: string): Promise<number>;
  djFill(
    key: string,
    lease: string,
    version: number,
    second: number,
    text: string,
    keepMs: number,
    holder: string,
  ): Promise<number | string>;
  djPublish(channel: string, message: string): Promise<number>;
  djBuryOne(key: string, ...marker: Marker): Promise<number>;
  djBuryThree(one: string, two: string, three: string, ...marker: Marker): Promise<number>;
}

/**
 * A connection set to the cluster: one connection per node.
 * @param purpose part of the connection's name, as `CLIENT LIST` shows it.
 */
export function connectRedis(
  config: ServiceConfig,
  purpose: string,
  onError: (error: Error) => void,
): ScriptedRedis {
  const { redis } = config;
  const options: ClusterOptions = {
    // It would make a pipeline with promises of its own for each turn, at the cost of a command; batchWrites does what it is for.
    enableAutoPipelining: false,
    // A request has the database to go to: waiting here for a cluster that is away would only add to its time.
    enableOfflineQueue: false,
    maxRedirections: 3,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 50,
    // Off: SlotsWatch notices within a second, without a connection for each question.
    slotsRefreshInterval: 0,
    slotsRefreshTimeout: redis.connectTimeoutMs,
    clusterRetryStrategy: (times) => Math.min(50 * 2 ** times, 1000) * (0.5 + Math.random() / 2),
    natMap: (announced) => redis.addressMap[announced] ?? null,
    // Nodes announce names, which the certificates bear; resolving happens when connecting, not before.
    dnsLookup: (address, callback) => callback(null, address),
    redisOptions: {
      username: redis.user,
      tls: { ca: redis.ca, minVersion: "TLSv1.3" },
      connectTimeout: redis.connectTimeoutMs,
      commandTimeout: redis.commandTimeoutMs,
      connectionName: `${config.instance}-${purpose}`,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
    },
    scripts: {
      djLease: { lua: LEASE, numberOfKeys: 2 },
      djRelease: { lua: RELEASE, numberOfKeys: 1 },
      djFill: { lua: FILL, numberOfKeys: 2 },
      djBuryOne: { lua: BURY, numberOfKeys: 1 },
      djBuryThree: { lua: BURY, numberOfKeys: 3 },
      djPublish: { lua: PUBLISH, numberOfKeys: 1 },
    },
  };
  const client = new Cluster([...redis.nodes], options) as unknown as ScriptedRedis;
  mapRedirections(client, redis.addressMap);
  client.on("error", onError);
  client.on("+node", (node: Redis) => {
    lookBeforeTimeout(node);
    node.on("connect", () => batchWrites(node.stream));
    // The client copies its options for each node; one that connects later does so with the password of then.
    Object.defineProperty(node.options, "password", { get: redis.password, enumerable: true });
  });
  return client;
}

/** The node that owns a key at the moment, as `host:port`; undefined while nobody does. */
export function nodeOf(client: Cluster, key: string): string | undefined {
  return client.slots[calculateSlot(key)]?.[0];
}

/** Slots of a Redis Cluster. */
const SLOTS = 16_384;

/** Whether an owner of every slot is known: the keys of the others can not be asked for. */
export function everySlotOwned(client: Cluster): boolean {
  for (let slot = 0; slot < SLOTS; slot++) if (client.slots[slot]?.[0] === undefined) return false;
  return true;
}

export type AddressMap = ServiceConfig["redis"]["addressMap"];

/** Where an announced address, `host:port`, is reached, in the same form. */
export function reachedAt(announced: string, addressMap: AddressMap): string {
  const mapped = addressMap[announced];
  return mapped ? `${mapped.host}:${mapped.port}` : announced;
}

/**
 * Makes redirections name the address where a node is reached. The client would note the announced one for the slot, has no
 * connection of that name, and asks nodes at random until it has read all slots anew (ioredis issue 1582).
 */
function mapRedirections(client: Cluster, addressMap: AddressMap): void {
  const handleError = client.handleError.bind(client);
  client.handleError = (error, left, redirections) =>
    handleError(error, left, {
      ...redirections,
      moved: (slot: number, address: string) => redirections.moved(slot, reachedAt(address, addressMap)),
    });
}

/** Whether a node takes its cluster for up: if not, it refuses every key, although it answers. */
export async function servesKeys(node: Redis): Promise<boolean> {
  return String(await node.cluster("INFO")).includes("cluster_state:ok");
}
