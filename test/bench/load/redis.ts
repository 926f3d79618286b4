import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster } from "ioredis";
import { natMap } from "../../../ops/connection-files.ts";
import type { BenchStack } from "../stack.ts";

/** Commands of the cache's users that all shards have executed so far: reads, and calls of scripts. */
export async function redisCommands({ connection, connectFolder }: BenchStack): Promise<number> {
  const cluster = new Cluster(
    connection.redis.map(({ published }) => ({ host: "127.0.0.1", port: published })),
    {
      natMap: natMap(connection),
      redisOptions: {
        username: "operator",
        password: readFileSync(join(connectFolder, "redis-operator-password"), "utf8"),
        tls: { ca: connection.redisCa, servername: "localhost" },
      },
    },
  );
  try {
    await cluster.ping();
    const stats = await Promise.all(cluster.nodes("master").map((node) => node.info("commandstats")));
    const calls = stats.flatMap((text) => [...text.matchAll(/^cmdstat_(?:get|evalsha|eval):calls=(\d+)/gm)]);
    return calls.reduce((sum, [, count]) => sum + Number(count), 0);
  } finally {
    cluster.disconnect();
  }
}
