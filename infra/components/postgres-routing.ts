import * as pulumi from "@pulumi/pulumi";
import { render } from "../lib/render.ts";
import { bytes } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { RECOVERY_PROFILES } from "../settings/recovery.ts";
import type { Settings } from "../settings/schema.ts";
import type { Target } from "../target.ts";
import type { PostgresCluster } from "./postgres-cluster.ts";

export interface PostgresRoutingArgs {
  readonly target: Target;
  readonly settings: Pick<Settings, "access" | "haproxy" | "postgres">;
  readonly cluster: PostgresCluster;
  readonly portOffset: number;
}

/** Sessions of its own that HAProxy needs beside the ones it forwards: checks, metrics, its socket. */
const OWN_CONNECTIONS = 64;
/**
 * Sessions of an endpoint beyond those that PostgreSQL admits. PostgreSQL refuses what is too much, with a reason, where
 * this one would let clients wait without a word. HAProxy 3.0.11 also keeps, until it is restarted, each session that
 * was still connecting to a member when that was marked down: three or four for every lost node.
 */
const SPARE_CONNECTIONS = 256;

/**
 * HAProxy in front of the members: a writer endpoint that is the primary, and a reader endpoint that is every replica
 * within the lag bound. Both follow Patroni's checks and end the sessions of a member that left its role.
 */
export class PostgresRouting extends pulumi.ComponentResource {
  /** Name inside the network. */
  readonly host: string;

  constructor(name: string, args: PostgresRoutingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:PostgresRouting", name, {}, opts);
    const { target, settings, cluster, portOffset } = args;
    target.service(
      name,
      {
        image: "haproxy",
        instances: settings.haproxy.instances,
        watched: true,
        limits: { memory: bytes(settings.haproxy.memory), cpus: settings.haproxy.cpus },
        ports: [
          { name: "writer", port: PORTS.writer, published: PORTS.writer + portOffset },
          { name: "reader", port: PORTS.reader, published: PORTS.reader + portOffset },
          { name: "metrics", port: PORTS.haproxyMetrics },
        ],
        files: [
          { path: "haproxy.cfg", content: haproxyConfiguration(target, settings, cluster.members) },
          ...cluster.serverFiles(name, [name]),
        ],
        // A site that follows another has no writer until it is promoted.
        ...(settings.postgres.standby ? { environment: { ROUTER_BACKEND: "" } } : {}),
        // Ready is whoever has a writer. Without one for a while, readers are still served.
        readyOnce: true,
        stopGrace: 10,
        startTimeout: 60,
      },
      { parent: this, after: [cluster.settled] },
    );
    this.host = name;
    this.registerOutputs({});
  }
}

function haproxyConfiguration(
  target: Target,
  { access, postgres }: PostgresRoutingArgs["settings"],
  members: readonly string[],
): string {
  const profile = RECOVERY_PROFILES[postgres.recovery];
  const clients = [...target.peerNetworks, ...access.allowedCidrs, ...target.forwardedNetworks];
  const { host, network } = postgres.otherSite;
  const writerMaxConnections = postgres.maxConnections + SPARE_CONNECTIONS;
  const readerMaxConnections = postgres.maxConnections * Math.max(1, postgres.replicas) + SPARE_CONNECTIONS;
  return render("haproxy/haproxy.cfg", {
    maxConnections: writerMaxConnections + readerMaxConnections + OWN_CONNECTIONS,
    writerMaxConnections,
    readerMaxConnections,
    writerNetworks: [...clients, ...(host === "" ? [] : [network])].join(" "),
    readerNetworks: clients.join(" "),
    checkInterval: `${profile.checkInterval}ms`,
    checkFastInterval: `${profile.checkFastInterval}ms`,
    checkFall: profile.checkFall,
    checkRise: profile.checkRise,
    checkTimeout: `${profile.checkTimeout}ms`,
    connectTimeout: `${profile.connectTimeout}ms`,
    connectRetries: profile.connectRetries,
    // Patroni writes the unit without the space.
    maxReplicaLag: postgres.maxReplicaLag.replace(" ", ""),
    servers: members
      .map(
        (host, ordinal) =>
          `    server ${host} ${target.wholeName("postgres", ordinal)}:${PORTS.postgres} check check-sni ${host} verifyhost ${host}`,
      )
      .join("\n"),
  });
}
