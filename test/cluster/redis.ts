import { Cluster } from "ioredis";
import { inject } from "vitest";
import { pods } from "./objects.ts";

/** A client of the stack's Redis Cluster on this machine, which reaches pods by their addresses of now. */
export async function redisClient(): Promise<Cluster> {
  const { redisCa, redisPasswords } = inject("clusterConnection");
  const at = (await pods("redis")).map(({ metadata, status }) => {
    const port = 6379 + Number(metadata.name.slice("redis-".length));
    return { name: `${metadata.name}:${port}`, host: status.podIP ?? metadata.name, port };
  });
  const cluster = new Cluster(
    at.map(({ host, port }) => ({ host, port })),
    {
      // Members tell their names, which only pods can resolve.
      natMap: Object.fromEntries(at.map(({ name, host, port }) => [name, { host, port }])),
      dnsLookup: (address, callback) => callback(null, address),
      clusterRetryStrategy: () => 200,
      redisOptions: {
        username: "app",
        password: redisPasswords.app,
        tls: { ca: redisCa, checkServerIdentity: () => undefined },
        connectTimeout: 2_000,
        commandTimeout: 3_000,
      },
    },
  );
  cluster.on("error", () => undefined);
  return cluster;
}

export const KEYS = Array.from({ length: 500 }, (_, number) => `dujyo:{drill-${number}}:value`);

/** Each of {@link KEYS} with itself as its value. */
export async function writeKeys(): Promise<void> {
  const client = await redisClient();
  await Promise.all(KEYS.map((key) => client.set(key, key)));
  client.disconnect();
}

/** Values of {@link KEYS}, as soon as all of them can be read, or after a minute. */
export async function readKeys(): Promise<(string | null)[]> {
  const client = await redisClient();
  const deadline = Date.now() + 60_000;
  try {
    for (;;) {
      const values = await Promise.all(KEYS.map((key) => client.get(key))).catch(() => []);
      const all = values.length === KEYS.length && values.every((value) => value !== null);
      if (all || Date.now() > deadline) return values;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  } finally {
    client.disconnect();
  }
}
