import * as pulumi from "@pulumi/pulumi";
import { render } from "../lib/render.ts";
import { bytes } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { Certificate, CertificateAuthority } from "../secrets/certificates.ts";
import type { Settings } from "../settings/schema.ts";
import type { FileSpec, Target } from "../target.ts";

export interface EtcdClusterArgs {
  readonly target: Target;
  readonly settings: Settings["etcd"];
  /** Tells this set from others on the same network. */
  readonly token: string;
}

const MB = 2 ** 20;

/** Milliseconds. Ten heartbeats to an election, as etcd advises; wide enough for a shared machine that stalls for a second. */
const HEARTBEAT = 500;
const ELECTION = 5_000;

/**
 * The consensus store that Patroni elects through. Where the target has one of its own, there is nothing of it: no member,
 * no endpoint, no client. Its members trust only their own CA.
 */
export class EtcdCluster extends pulumi.ComponentResource {
  /** Client endpoints, `host:port` each. */
  readonly endpoints: readonly string[];
  readonly #authority: CertificateAuthority | undefined;

  constructor(name: string, args: EtcdClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:EtcdCluster", name, {}, opts);
    const { target, settings } = args;
    if (target.coordination !== "etcd") {
      this.endpoints = [];
      this.registerOutputs({});
      return;
    }
    const hosts = Array.from({ length: settings.members }, (_, ordinal) => `${name}-${ordinal}`);
    const authority = new CertificateAuthority(
      `${name}-ca`,
      { commonName: `dujyo ${name}` },
      { parent: this },
    );
    this.#authority = authority;
    target.members(
      name,
      {
        image: "etcd",
        count: settings.members,
        limits: { memory: bytes(settings.memory), cpus: settings.cpus },
        storage: 1_024 * MB,
        ports: [
          { name: "client", port: PORTS.etcdClient },
          { name: "peer", port: PORTS.etcdPeer },
        ],
        files: [{ path: "tls/ca.crt", content: authority.certificate }],
        stopGrace: 15,
        startTimeout: 60,
        member: (ordinal) => ({
          files: [
            {
              path: "etcd.yml",
              content: render("etcd/etcd.yml", {
                name: `${name}-${ordinal}`,
                initialCluster: hosts.map((host) => `${host}=https://${host}:${PORTS.etcdPeer}`).join(","),
                clusterToken: args.token,
                heartbeatInterval: HEARTBEAT,
                electionTimeout: ELECTION,
              }),
            },
            ...this.#certificate(authority, `${name}-${ordinal}`, [
              ...target.memberHosts(name, ordinal),
              name,
            ]),
          ],
        }),
      },
      { parent: this },
    );
    this.endpoints = hosts.map((host) => `${host}:${PORTS.etcdClient}`);
    // Kept in the state, so that a later run can tell that it was asked for another number.
    this.registerOutputs({ members: settings.members });
  }

  /** What a client shows and trusts: `tls/etcd-ca.crt`, `tls/etcd-client.crt`, `tls/etcd-client.key`. */
  clientFiles(client: string): FileSpec[] {
    if (!this.#authority) return [];
    const leaf = new Certificate(
      `${client}-etcd-tls`,
      { authority: this.#authority, commonName: client, names: [client] },
      { parent: this },
    );
    return [
      { path: "tls/etcd-ca.crt", content: this.#authority.certificate },
      { path: "tls/etcd-client.crt", content: leaf.certificate, delivery: "reload" },
      { path: "tls/etcd-client.key", content: leaf.privateKey, delivery: "reload" },
    ];
  }

  #certificate(authority: CertificateAuthority, commonName: string, names: readonly string[]): FileSpec[] {
    const leaf = new Certificate(`${commonName}-tls`, { authority, commonName, names }, { parent: this });
    return [
      { path: "tls/server.crt", content: leaf.certificate, delivery: "reload" },
      { path: "tls/server.key", content: leaf.privateKey, delivery: "reload" },
      // What the member's own health and status checks show to it.
      { path: "tls/client.crt", content: leaf.certificate, delivery: "reload" },
      { path: "tls/client.key", content: leaf.privateKey, delivery: "reload" },
    ];
  }
}
