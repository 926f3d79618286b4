import { join } from "node:path";
import type { Connection } from "./connection.ts";
import { writeConnectionFiles } from "./connection-store.ts";

/**
 * The environment with which the service, run on this machine from its sources, works against a running stack. Secrets
 * are names of files that only this user can read; they are written anew.
 */
export function serviceEnvironment(stack: string, connection: Connection): Record<string, string> {
  const folder = writeConnectionFiles(stack, connection);
  const { pooler, writer, postgres, redis } = connection;
  return {
    DB_HOST: "localhost",
    DB_PORT: String(pooler.port),
    DB_CA_FILE: join(folder, "postgres-ca.crt"),
    DB_PASSWORD_FILE: join(folder, "app-password"),
    DB_RO_PASSWORD_FILE: join(folder, "readonly-password"),
    // All members but the one that leads.
    DB_REPLICAS: String(postgres.length - 1),
    LISTEN_HOST: "localhost",
    LISTEN_PORT: String(writer.port),
    REDIS_NODES: redis.map(({ published }) => `localhost:${published}`).join(","),
    REDIS_ADDRESS_MAP: redis
      .map(({ host, port, published }) => `${host}:${port}=localhost:${published}`)
      .join(","),
    REDIS_PASSWORD_FILE: join(folder, "redis-app-password"),
    REDIS_CA_FILE: join(folder, "redis-ca.crt"),
    ACCESS_LOG_KEY_FILE: join(folder, "api-access-log-key"),
    AUTH_KEY_SET_FILE: join(folder, "api-key-set.json"),
    AUTH_SIGNING_KEY_FILE: join(folder, "api-signing-key.json"),
  };
}
