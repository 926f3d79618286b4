import { join } from "node:path";
import { type Address, type Connection, LOGINS } from "./connection.ts";

/** Files by name that hold all that a client needs; none is for anybody else's eyes. */
export function connectionFiles(connection: Connection, folder: string): Record<string, string> {
  return {
    "pg_service.conf": serviceFile(connection, folder),
    pgpass: passFile(connection),
    "postgres-ca.crt": connection.postgresCa,
    "owner-password": connection.postgresPasswords.owner,
    "app-password": connection.postgresPasswords.app,
    "readonly-password": connection.postgresPasswords.readonly,
    "api-signing-key.json": connection.apiSigningKey,
    "api-access-log-key": connection.apiAccessLogKey,
    ...(connection.personalKeys
      ? { "personal-keys.json": `${JSON.stringify(connection.personalKeys, undefined, 2)}\n` }
      : {}),
    "api-key-set.json": keySet(connection.apiSigningKey),
    ...(connection.grafanaPassword ? { "grafana-admin-password": connection.grafanaPassword } : {}),
    "redis-ca.crt": connection.redisCa,
    "redis-app-password": connection.redisPasswords.app,
    "redis-operator-password": connection.redisPasswords.operator,
    "redis-nat-map.json": `${JSON.stringify(natMap(connection), undefined, 2)}\n`,
  };
}

/** The key set that verifies what `signingKey` signs: the same key without its private part. */
function keySet(signingKey: string): string {
  const { d: _, ...publicKey } = JSON.parse(signingKey) as { d?: string };
  return JSON.stringify({ keys: [publicKey] });
}

/** Names in the service file, with what each one leads to. */
export function services(
  connection: Connection,
): { name: string; address: Address; database: string; user: string }[] {
  const { database, writer, reader, pooler, postgres } = connection;
  return [
    { name: "writer", address: writer, database, user: LOGINS.owner },
    { name: "reader", address: reader, database, user: LOGINS.readonly },
    { name: "pooled-writer", address: pooler, database, user: LOGINS.app },
    { name: "pooled-reader", address: pooler, database: `${database}_ro`, user: LOGINS.readonly },
    ...postgres.map((address) => ({ name: address.host, address, database, user: LOGINS.owner })),
  ];
}

function serviceFile(connection: Connection, folder: string): string {
  return services(connection)
    .map(({ name, address, database, user }) =>
      [
        `[${name}]`,
        // The name is what the certificate is checked against; the address is where the port is published.
        "host=localhost",
        "hostaddr=127.0.0.1",
        `port=${address.port}`,
        `dbname=${database}`,
        `user=${user}`,
        `passfile=${join(folder, "pgpass")}`,
        "sslmode=verify-full",
        `sslrootcert=${join(folder, "postgres-ca.crt")}`,
        "",
      ].join("\n"),
    )
    .join("\n");
}

function passFile({ postgresPasswords }: Connection): string {
  return Object.entries(LOGINS)
    .map(
      ([role, user]) =>
        `localhost:*:*:${user}:${escapeField(postgresPasswords[role as keyof typeof LOGINS])}\n`,
    )
    .join("");
}

/** The password file has colons between its fields. */
function escapeField(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(":", "\\:");
}

/** ioredis's map from the addresses that the cluster announces to those that this machine reaches. */
export function natMap({ redis }: Connection): Record<string, Address> {
  return Object.fromEntries(
    redis.map(({ host, port, published }) => [`${host}:${port}`, { host: "127.0.0.1", port: published }]),
  );
}
