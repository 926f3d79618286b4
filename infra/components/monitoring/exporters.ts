import type * as pulumi from "@pulumi/pulumi";
import { readConfig } from "../../lib/render.ts";
import { PORTS } from "../../ports.ts";
import type { FileSpec, WorkloadSpec } from "../../target.ts";
import { exporterProgram } from "./exporter-program.ts";
import { listenerFiles } from "./listener.ts";
import { nodeFigureFiles } from "./node-figures.ts";
import type { MonitoringArgs } from "./sources.ts";

/**
 * Exporters of PostgreSQL and PgBouncer keep a session, and wait at one with an address that is gone for as long as TCP does, reading
 * nothing meanwhile. Five times end after 12.6 s: within one scrape interval. Where the kernel's limit can not be set, the images'
 * `member-health` counts as far and fails.
 */
const RETRANSMISSIONS = 5;

/** Deploys the exporters; each listens with TLS and answers holders of a certificate of the monitoring alone. */
export function deployExporters(args: MonitoringArgs, parent: pulumi.Resource): void {
  const { target, postgres, pooling, redis, companions } = args;
  const placement = { parent };
  const passwordOf = { path: "secrets/monitoring-password", content: postgres.passwords.monitoring };
  const postgresCa = { path: "tls/postgres-ca.crt", content: postgres.ca };

  const name = "postgres-exporter";
  target.members(
    name,
    {
      ...exporter(args, PORTS.postgresExporter, { EXPORTER: "postgres" }, [
        passwordOf,
        postgresCa,
        { path: "queries.yml", content: readConfig("postgres-exporter/queries.yml") },
      ]),
      count: postgres.members.length,
      member: (ordinal) => ({
        environment: { EXPORTER_TARGET: `${postgres.members[ordinal]}:${PORTS.postgres}` },
        files: listenerFiles(`${name}-${ordinal}`, target.memberHosts(name, ordinal), args.authority, parent),
      }),
    },
    placement,
  );
  const single = (
    part: string,
    port: number,
    environment: Record<string, string>,
    files: FileSpec[],
    after: pulumi.Resource[] = [],
  ) =>
    target.service(
      part,
      {
        ...exporter(args, port, environment, [
          ...listenerFiles(part, [part], args.authority, parent),
          ...files,
        ]),
        instances: 1,
      },
      { parent, after },
    );
  if (!companions)
    single(
      "pgbouncer-exporter",
      PORTS.pgbouncerExporter,
      { EXPORTER: "pgbouncer", EXPORTER_TARGET: `${pooling.host}:${PORTS.pgbouncer}` },
      [passwordOf, postgresCa],
      // It ends when it meets no pooler at its start.
      [pooling],
    );
  const { nodes, ca, passwords } = redis.connection;
  const redisPasswords = passwords.exporter.apply((password) =>
    JSON.stringify(
      Object.fromEntries(nodes.map(({ host, port }) => [`rediss://exporter@${host}:${port}`, password])),
    ),
  );
  single("redis-exporter", PORTS.redisExporter, { EXPORTER: "redis" }, [
    { path: "secrets/redis-passwords.json", content: redisPasswords },
    { path: "tls/redis-ca.crt", content: ca },
  ]);
}

/** Deploys the exporter of machine and container figures. It has to come last, since it is told who else there is. */
export function deployNodeExporter(args: MonitoringArgs, parent: pulumi.Resource): void {
  args.target.service(
    "node-exporter",
    {
      ...exporter(args, PORTS.nodeExporter, { EXPORTER: "node" }, [
        ...listenerFiles("node-exporter", ["node-exporter"], args.authority, parent),
        ...nodeFigureFiles(args.target.deployed),
      ]),
      nodeView: true,
      instances: 1,
    },
    { parent },
  );
}

function exporter(
  { settings }: MonitoringArgs,
  port: number,
  environment: Record<string, string>,
  files: readonly FileSpec[],
): WorkloadSpec {
  return {
    ...exporterProgram(settings, port, environment, files),
    ports: [{ name: "metrics", port }],
    retransmissions: RETRANSMISSIONS,
    stopGrace: 5,
    startTimeout: 60,
  };
}
