import { Cluster } from "ioredis";
import { Client, type ClientConfig } from "pg";
import { inject } from "vitest";
import { type Address, type Connection, LOGINS } from "../../ops/connection.ts";
import { natMap } from "../../ops/connection-files.ts";

export type Login = keyof typeof LOGINS;

/** Options of a session with one of the stack's addresses; verified TLS like everybody else's. */
export function sessionOptions(address: Address, login: Login, more: ClientConfig = {}): ClientConfig {
  const connection = inject("connection");
  return {
    host: "127.0.0.1",
    port: address.port,
    user: LOGINS[login],
    password: connection.postgresPasswords[login],
    database: connection.database,
    ssl: { ca: connection.postgresCa, servername: "localhost", minVersion: "TLSv1.3" },
    connectionTimeoutMillis: 3_000,
    ...more,
  };
}

/** Runs `work` in a session of its own and closes it. */
export async function withSession<T>(
  address: Address,
  login: Login,
  work: (client: Client) => Promise<T>,
  more: ClientConfig = {},
): Promise<T> {
  const client = new Client(sessionOptions(address, login, more));
  // The end of a session that a fault closes is told by the query that fails.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** One value of one row. */
export async function value<T>(address: Address, login: Login, sql: string, more?: ClientConfig): Promise<T> {
  return withSession(
    address,
    login,
    async (client) => {
      const { rows } = await client.query({ text: sql, rowMode: "array" });
      return rows[0]?.[0] as T;
    },
    more,
  );
}

/** A cluster client on this machine, following redirections through the map that `npm run connect` prints. */
export function redisClient(connection: Connection = inject("connection")): Cluster {
  const cluster = new Cluster(
    connection.redis.map(({ published }) => ({ host: "127.0.0.1", port: published })),
    {
      natMap: natMap(connection),
      dnsLookup: (address, callback) => callback(null, address),
      clusterRetryStrategy: () => 200,
      redisOptions: {
        username: "app",
        password: connection.redisPasswords.app,
        tls: { ca: connection.redisCa, minVersion: "TLSv1.3" },
        connectTimeout: 2_000,
        commandTimeout: 3_000,
      },
    },
  );
  cluster.on("error", () => undefined);
  return cluster;
}
