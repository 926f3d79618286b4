import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, LOGINS } from "../../ops/connection.ts";
import { writeConnectionFiles } from "../../ops/connection-store.ts";
import { mustRun } from "../../tools/process.ts";
import { STACK } from "./stack-settings.ts";

const container = (member: string) => `dujyo-${STACK}-${member}`;

/** Names of the members that stream at this moment. */
async function replicasOf(connection: Connection): Promise<string[]> {
  const roles = await Promise.all(
    connection.postgres.map(async ({ host }) => {
      const status = JSON.parse(
        await mustRun("docker", ["exec", container(host), "/usr/local/bin/member-status"]),
      );
      return [host, status.role] as const;
    }),
  );
  return roles.filter(([, role]) => role !== "leader").map(([host]) => host);
}

/** Shell commands that start containers and end when each is ready. */
function startReady(members: readonly string[]): string {
  const ready = members.map(
    (member) => `until docker exec ${container(member)} /usr/local/bin/member-ready; do sleep 0.5; done`,
  );
  return [`docker start ${members.map(container).join(" ")}`, ...ready].join(" && ");
}

/** Writes what the service's tests need to know of the running stack, and returns the file's path. */
export async function writeServiceFacts(connection: Connection): Promise<string> {
  const folder = writeConnectionFiles(STACK, connection);
  const secret = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const { database, postgresPasswords: passwords } = connection;
  const ca = join(folder, "postgres-ca.crt");
  const replicas = await replicasOf(connection);
  const login = (port: number | undefined, user: string, password: string) => ({
    ...{ host: "localhost", port, database, user, password, caFile: ca },
  });
  const superuser = (passwords as Record<string, string>).superuser ?? "";
  const address = ({ host, port, published }: Connection["redis"][number]) =>
    `${host}:${port}=localhost:${published}`;
  const redis = connection.redis.map(({ host }) => host);
  const kill = (members: readonly string[]) => `docker kill ${members.map(container).join(" ")}`;
  const members = connection.postgres.map(({ port }) => login(port, "postgres", superuser));
  const { d: _, ...publicKey } = JSON.parse(connection.apiSigningKey) as { d: string };
  const facts = {
    environment: {
      DB_HOST: "localhost",
      DB_PORT: String(connection.pooler.port),
      DB_CA_FILE: ca,
      DB_PASSWORD_FILE: secret("app-password", passwords.app),
      DB_RO_PASSWORD_FILE: secret("readonly-password", passwords.readonly),
      LISTEN_HOST: "localhost",
      LISTEN_PORT: String(connection.writer.port),
      REDIS_NODES: connection.redis.map(({ published }) => `localhost:${published}`).join(","),
      REDIS_ADDRESS_MAP: connection.redis.map(address).join(","),
      REDIS_PASSWORD_FILE: join(folder, "redis-app-password"),
      REDIS_CA_FILE: join(folder, "redis-ca.crt"),
      AUTH_KEY_SET_FILE: secret("key-set.json", JSON.stringify({ keys: [publicKey] })),
      AUTH_SIGNING_KEY_FILE: join(folder, "api-signing-key.json"),
    },
    owner: login(connection.writer.port, LOGINS.owner, passwords.owner),
    replica: members[connection.postgres.findIndex(({ host }) => host === replicas[0])],
    members,
    commands: {
      stopRedis: kill(redis),
      startRedis: startReady(redis),
      stopDatabase: `docker pause ${container("pgbouncer")}`,
      startDatabase: `docker unpause ${container("pgbouncer")}`,
      stopReplicas: kill(replicas),
      startReplicas: startReady(replicas),
    },
  };
  return secret("service-facts.json", JSON.stringify(facts, undefined, 2));
}
