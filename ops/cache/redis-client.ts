import { Cluster } from "ioredis";
import type { Connection } from "../connection.ts";
import { natMap } from "../connection-files.ts";

/** A Redis Cluster client on this machine, following redirections through the map that `npm run connect` prints. */
export function redisClient(connection: Connection, user: "app" | "operator" = "app"): Cluster {
  const cluster = new Cluster(
    connection.redis.map(({ published }) => ({ host: "127.0.0.1", port: published })),
    {
      natMap: natMap(connection),
      dnsLookup: (address, callback) => callback(null, address),
      clusterRetryStrategy: () => 200,
      redisOptions: {
        username: user,
        password: connection.redisPasswords[user],
        tls: { ca: connection.redisCa, minVersion: "TLSv1.3" },
        connectTimeout: 2_000,
        commandTimeout: 3_000,
      },
    },
  );
  cluster.on("error", () => undefined);
  return cluster;
}
