import { createCluster, defineScript } from "@redis/client";
import { GlideClusterClient, Script } from "@valkey/valkey-glide";
import { type Redis, Cluster as ValkeyCluster } from "iovalkey";
import { batchWrites } from "../../../service/src/cache/batched-writes.ts";
import { connectRedis, type ScriptedRedis } from "../../../service/src/cache/redis-client.ts";
import { FILL, LEASE } from "../../../service/src/cache/scripts.ts";
import type { ServiceConfig } from "../../../service/src/config.ts";

/** What the service's cache asks of its client on the way of a request. */
export type CacheCommands = Pick<ScriptedRedis, "get" | "djLease" | "djFill">;

/** Clients by name, each connected to a cluster over TLS, with a limit of time for each command as the service has it. */
export const CLIENTS: Readonly<Record<string, (config: ServiceConfig) => Promise<CacheCommands>>> = {
  ioredis: async (config) => {
    const client = connectRedis(config, "bench", () => undefined);
    await ready(client);
    return client;
  },

  // A fork of ioredis 5: the same options, and its writes batched alike.
  iovalkey: async ({ redis }) => {
    const client = new ValkeyCluster([...redis.nodes], {
      enableAutoPipelining: false,
      enableOfflineQueue: false,
      slotsRefreshInterval: 0,
      dnsLookup: (address, callback) => callback(null, address),
      redisOptions: {
        ...{ username: redis.user, password: redis.password() },
        tls: { ca: redis.ca, minVersion: "TLSv1.3" },
        ...{ connectTimeout: redis.connectTimeoutMs, commandTimeout: redis.commandTimeoutMs },
      },
      scripts: { djLease: { lua: LEASE, numberOfKeys: 2 }, djFill: { lua: FILL, numberOfKeys: 2 } },
    });
    client.on("+node", (node: Redis) => node.on("connect", () => batchWrites(node.stream)));
    await ready(client);
    return client as unknown as CacheCommands;
  },

  "node-redis": async ({ redis }) => {
    const script = (text: string) =>
      defineScript({
        SCRIPT: text,
        NUMBER_OF_KEYS: 2,
        parseCommand: (parser, one: string, two: string, ...values: (string | number)[]) => {
          parser.pushKey(one);
          parser.pushKey(two);
          for (const value of values) parser.push(String(value));
        },
        transformReply: (reply: unknown) => reply,
      });
    const client = createCluster({
      rootNodes: redis.nodes.map(({ host, port }) => ({ url: `rediss://${host}:${port}` })),
      defaults: {
        ...{ username: redis.user, password: redis.password() },
        socket: { tls: true, ca: redis.ca, minVersion: "TLSv1.3", connectTimeout: redis.connectTimeoutMs },
      },
      commandOptions: { timeout: redis.commandTimeoutMs },
      scripts: { djLease: script(LEASE), djFill: script(FILL) },
    });
    client.on("error", () => undefined);
    await client.connect();
    return client as unknown as CacheCommands;
  },

  "valkey-glide": async ({ redis }) => {
    const client = await GlideClusterClient.createClient({
      addresses: redis.nodes.map(({ host, port }) => ({ host, port })),
      useTLS: true,
      credentials: { username: redis.user, password: redis.password() },
      requestTimeout: redis.commandTimeoutMs,
      // It refuses more than a thousand at once otherwise; the others take what comes.
      inflightRequestsLimit: 100_000,
      advancedConfiguration: {
        connectionTimeout: redis.connectTimeoutMs,
        tlsAdvancedConfiguration: { rootCertificates: redis.ca },
      },
    });
    const script = (text: string) => {
      const made = new Script(text);
      return (one: string, two: string, ...values: (string | number)[]) =>
        client.invokeScript(made, { keys: [one, two], args: values.map(String) });
    };
    return {
      get: (key: string) => client.get(key),
      ...{ djLease: script(LEASE), djFill: script(FILL) },
    } as unknown as CacheCommands;
  },
};

async function ready(client: { status: string; once(event: "ready", done: () => void): unknown }) {
  if (client.status !== "ready") await new Promise<void>((resolve) => client.once("ready", resolve));
}
