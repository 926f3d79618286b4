import * as pulumi from "@pulumi/pulumi";
import { render, renderOutput } from "../lib/render.ts";
import { bytes, seconds } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { readerSessions } from "../settings/budgets.ts";
import type { Settings } from "../settings/schema.ts";
import type { CompanionSpec, Target } from "../target.ts";
import type { PostgresCluster } from "./postgres-cluster.ts";
import type { PostgresRouting } from "./postgres-routing.ts";

export interface PostgresPoolingArgs {
  readonly target: Target;
  readonly settings: Pick<Settings, "access" | "pgbouncer" | "postgres">;
  readonly cluster: PostgresCluster;
  readonly routing: PostgresRouting;
  readonly portOffset: number;
  /** Beside each pooler, on targets that have companions. @default none */
  readonly companion?: CompanionSpec;
}

/** Who may log in through the pooler. Not the role that it looks verifiers up with: whoever had its password had all of them. */
const POOLED = ["dujyo_app", "dujyo_readonly", "monitoring"];

/**
 * PgBouncer in front of the endpoints: database `dujyo_blockchain` leads to the writer, `dujyo_blockchain_ro` to the
 * reader, in transaction mode with prepared statements. It asks the database who may log in.
 */
export class PostgresPooling extends pulumi.ComponentResource {
  /** Name inside the network. */
  readonly host: string;

  constructor(name: string, args: PostgresPoolingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:PostgresPooling", name, {}, opts);
    const { target, cluster, routing, portOffset, companion } = args;
    const settings = args.settings.pgbouncer;
    const readers = readerSessions(args.settings);
    target.service(
      name,
      {
        image: "pgbouncer",
        instances: settings.instances,
        companion,
        // Whoever changes passwords tells each instance, too.
        watched: true,
        limits: { memory: bytes(settings.memory), cpus: settings.cpus },
        ports: [{ name: "pgbouncer", port: PORTS.pgbouncer, published: PORTS.pgbouncer + portOffset }],
        files: [
          {
            path: "pgbouncer.ini",
            content: render("pgbouncer/pgbouncer.ini", {
              writerHost: routing.host,
              writerPort: PORTS.writer,
              readerHost: routing.host,
              readerPort: PORTS.reader,
              writerPoolSize: settings.writerPool,
              writerMaxConnections: settings.writerPool + settings.reserve,
              readerPoolSize: readers,
              readerMaxConnections: readers + settings.reserve,
              reservePoolSize: settings.reserve,
              maxClientConnections: settings.maxClients,
              queryWaitTimeout: seconds(settings.queryWait),
            }),
          },
          {
            path: "hba.conf",
            content: render("pgbouncer/hba.conf", {
              clientLines: [
                ...[
                  ...target.peerNetworks,
                  ...target.forwardedNetworks,
                  ...args.settings.access.allowedCidrs,
                ].map((network) => `hostssl all ${POOLED.join(",")} ${network} scram-sha-256`),
                ...(companion ? ["hostssl all monitoring 127.0.0.1/32 scram-sha-256"] : []),
              ].join("\n"),
            }),
          },
          {
            path: "userlist.txt",
            content: renderOutput("pgbouncer/userlist.txt", {
              monitoringPassword: cluster.passwords.monitoring,
            }),
            delivery: "reload",
          },
          ...cluster.serverFiles(name, companion ? [name, "localhost"] : [name]),
        ],
        stopGrace: 15,
        startTimeout: 60,
      },
      { parent: this, after: [routing] },
    );
    this.host = name;
    this.registerOutputs({});
  }
}
