import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, LOGINS } from "../../ops/connection.ts";
import { serviceEnvironment } from "../../ops/service-environment.ts";
import { LOCAL } from "../../tools/layout.ts";
import { mustRun } from "../../tools/process.ts";
import { container } from "./faults.ts";
import { STACK } from "./stack-settings.ts";

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
  const { database, postgresPasswords: passwords } = connection;
  const folder = join(LOCAL, "connect", STACK);
  const ca = join(folder, "postgres-ca.crt");
  const replicas = await replicasOf(connection);
  const login = (port: number | undefined, user: string, password: string) => ({
    ...{ host: "localhost", port, database, user, password, caFile: ca },
  });
  const redis = connection.redis.map(({ host }) => host);
  const kill = (members: readonly string[]) => `docker kill ${members.map(container).join(" ")}`;
  const members = connection.postgres.map(({ port }) => login(port, "postgres", passwords.superuser));
  const facts = {
    environment: serviceEnvironment(STACK, connection),
    owner: login(connection.writer.port, LOGINS.owner, passwords.owner),
    replicas: members.filter((_, index) => replicas.includes(connection.postgres[index]?.host ?? "")),
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
  const path = join(folder, "service-facts.json");
  writeFileSync(path, JSON.stringify(facts, undefined, 2), { mode: 0o600 });
  return path;
}
