import * as pulumi from "@pulumi/pulumi";
import { DATABASE, type PostgresCluster } from "./components/postgres-cluster.ts";
import type { PostgresRouting } from "./components/postgres-routing.ts";
import { PORTS } from "./ports.ts";
import type { Serving } from "./serving.ts";
import type { Settings } from "./settings/schema.ts";
import type { Endpoint, StackOutputs } from "./stack-outputs.ts";
import type { Target } from "./target.ts";

/** {@link StackOutputs} as the program declares them: much is known only when it is deployed. */
type Declared = {
  readonly [Name in keyof StackOutputs]:
    | pulumi.Input<StackOutputs[Name]>
    | { readonly [Key in keyof StackOutputs[Name]]: pulumi.Input<StackOutputs[Name][Key]> };
};

export interface StackOutputsArgs extends Partial<Serving> {
  readonly target: Target;
  readonly settings: Pick<Settings, "portOffset" | "kubernetes">;
  readonly postgres: PostgresCluster;
  readonly routing: PostgresRouting;
}

/**
 * What a client needs to get in; `npm run connect` makes ready-to-paste lines of it. A site that serves nobody has what is
 * there: its database.
 */
export function stackOutputs(args: StackOutputsArgs): Partial<Declared> {
  const { target, settings, postgres, routing, pooling, redis, api, monitoring } = args;
  // Members share this machine's loopback interface, and have hosts of their own elsewhere.
  const shared = target.loopbackPages;
  const at = (host: string, port: number): Endpoint =>
    shared ? { host: "localhost", port: port + settings.portOffset } : { host, port };
  const address = (scheme: string, { host, port }: Endpoint) => `${scheme}://${host}:${port}`;
  const scheme = shared ? "http" : "https";
  const entry = settings.kubernetes.ingress.host;
  const data = {
    database: DATABASE,
    writer: at(routing.host, PORTS.writer),
    reader: at(routing.host, PORTS.reader),
    postgresNodes: postgres.members.map((name, ordinal) => ({
      name,
      ...at(name, PORTS.postgres + (shared ? ordinal : 0)),
    })),
    postgresPasswords: pulumi.secret(postgres.passwords),
    postgresIdentity: postgres.identity,
  };
  if (!pooling || !redis || !api) return data;
  return {
    ...data,
    apiUrl: !shared && entry !== "" ? `https://${entry}` : address(scheme, at(api.host, PORTS.api)),
    pooler: at(pooling.host, PORTS.pgbouncer),
    redisNodes: redis.connection.nodes.map(({ host, port }) => ({
      name: host,
      announcedPort: port,
      ...at(host, port),
    })),
    pages: (monitoring?.pages ?? []).map(({ name, port }) => ({
      name,
      url: address(scheme, at(`${name.toLowerCase()}-0`, port)),
    })),
    caCert: { postgres: postgres.ca, redis: redis.connection.ca, api: api.ca },
    redisPasswords: pulumi.secret(redis.connection.passwords),
    apiSigningKey: pulumi.secret(api.signingKey.privateJwk),
    apiAccessLogKey: pulumi.secret(api.accessLogKey),
    personalKeys: args.personalKeys,
    grafanaPassword: monitoring?.grafanaPassword && pulumi.secret(monitoring.grafanaPassword),
  };
}
