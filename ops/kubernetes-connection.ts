import { PORTS } from "../infra/ports.ts";
import type { StackOutputs } from "../infra/stack-outputs.ts";
import type { Cluster } from "../tools/stack/kubernetes-cluster.ts";
import { type Address, type Connection, connectionOf } from "./connection.ts";
import type { MonitoringAddresses } from "./monitoring/addresses.ts";
import { Refusal } from "./refusal.ts";
import { openTunnel, type TunnelArgs } from "./tunnel.ts";

/** What of the stack's own Prometheus is a key to all that it reads. */
const IDENTITY_SECRET = "prometheus-files";

type Tls = TunnelArgs["tls"];

/** Ways into a stack's namespace from this machine: ports that the cluster's API forwards to pods. */
export class Forwarded {
  readonly #cluster: Cluster;
  readonly #namespace: string;

  private constructor(cluster: Cluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** @throws Refusal where this user may not forward ports */
  static async into(cluster: Cluster, namespace: string): Promise<Forwarded> {
    const lacking = await cluster.forbidden(["create pods/portforward"], namespace);
    if (lacking.length === 0) return new Forwarded(cluster, namespace);
    throw new Refusal(
      `This command opens sessions with pods of "${namespace}", and this user may not forward ports there ` +
        "(create pods/portforward); ask for that right.",
    );
  }

  /**
   * What clients need, with addresses of this machine; each way in is opened at its first session. As on Docker, the API
   * speaks plain HTTP here: TLS begins at this end of the way to it.
   */
  async connection(outputs: StackOutputs): Promise<Connection> {
    const connection = connectionOf(outputs);
    const part = (name: string, port: number, tls?: Tls) =>
      this.#at(() => this.#cluster.forwardToPart(this.#namespace, name, port), tls);
    const member = (name: string, port: number) =>
      this.#at(() => this.#cluster.forward(this.#namespace, name, port));
    const [api, pooler, writer, reader, postgres, redis] = await Promise.all([
      part("api", PORTS.api, apiTls(outputs)),
      part("pgbouncer", PORTS.pgbouncer),
      part("haproxy", PORTS.writer),
      part("haproxy", PORTS.reader),
      Promise.all(connection.postgres.map(({ host }) => member(host, PORTS.postgres))),
      Promise.all(connection.redis.map(({ host, port }) => member(host, port))),
    ]);
    return {
      ...connection,
      ...{ api, pooler, writer, reader },
      // They ask for an identity, which not every user may read: see monitoring().
      pages: [],
      // Names are the members' own; only ports are told by.
      postgres: connection.postgres.map((node, ordinal) => ({ ...node, port: portOf(postgres, ordinal) })),
      redis: connection.redis.map((node, ordinal) => ({ ...node, published: portOf(redis, ordinal) })),
    };
  }

  /**
   * Where each instance of the API that runs answers plain HTTP on this machine.
   *
   * @throws Failure where none runs
   */
  async instances(outputs: StackOutputs): Promise<string[]> {
    const pods = await this.#cluster.podsOf(this.#namespace, "api");
    return Promise.all(
      pods.map(async (pod) => {
        const open = () => this.#cluster.forward(this.#namespace, pod, PORTS.api);
        const { host, port } = await this.#at(open, apiTls(outputs));
        return `http://${host}:${port}`;
      }),
    );
  }

  /**
   * Pages of the stack's own monitoring, as plain HTTP on this machine, with the identity that its Prometheus has for them.
   *
   * @throws Failure where this user may not read that
   */
  async monitoring(): Promise<Pick<MonitoringAddresses, "prometheus" | "alertmanager">> {
    const file = await this.#cluster.secretFiles(this.#namespace, IDENTITY_SECRET);
    const [ca, cert, key] = ["ca.crt", "client.crt", "client.key"].map((name) =>
      file(`tls__monitoring-${name}`),
    );
    const page = async (name: string, port: number) => {
      const tls = { ca, cert, key, servername: "localhost" };
      const address = await this.#at(() => this.#cluster.forward(this.#namespace, `${name}-0`, port), tls);
      return `http://${address.host}:${address.port}`;
    };
    const [prometheus, alertmanager] = await Promise.all([
      page("prometheus", PORTS.prometheus),
      page("alertmanager", PORTS.alertmanager),
    ]);
    return { prometheus, alertmanager };
  }

  async #at(open: TunnelArgs["open"], tls?: Tls): Promise<Address> {
    return { host: "127.0.0.1", port: await openTunnel({ open, tls }) };
  }
}

function apiTls({ caCert }: StackOutputs): Tls {
  return { ca: caCert.api, servername: "localhost" };
}

function portOf(addresses: readonly Address[], ordinal: number): number {
  return (addresses[ordinal] as Address).port;
}
