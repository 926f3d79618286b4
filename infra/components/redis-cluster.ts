import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { render, renderOutput } from "../lib/render.ts";
import { bytes, milliseconds } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { Certificate, CertificateAuthority } from "../secrets/certificates.ts";
import { Password } from "../secrets/password.ts";
import { redisMaxMemory } from "../settings/budgets.ts";
import type { Settings } from "../settings/schema.ts";
import type { CompanionSpec, FileSpec, Target } from "../target.ts";

export interface RedisClusterArgs {
  readonly target: Target;
  readonly settings: Settings["redis"];
  /** Added to the published ports. */
  readonly portOffset: number;
  /** Beside each member, on targets that have companions. @default none */
  readonly companion?: CompanionSpec;
}

/** ACL users that log in with a password; `health` needs none and may only PING. */
const USERS = ["app", "operator", "exporter", "replication", "cluster", "reload"] as const;

/** How a client reaches the cluster. */
export interface RedisConnection {
  /** Members inside the network. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Root certificate, PEM. */
  readonly ca: pulumi.Output<string>;
  /** Password that each ACL user logs in with; during a rotation a second one is accepted. */
  readonly passwords: Readonly<Record<(typeof USERS)[number], pulumi.Output<string>>>;
}

type Passwords = RedisConnection["passwords"];

const MB = 2 ** 20;
/** Bytes of disk that a member asks for: an append-only file grows to twice the data before it is rewritten. */
const STORAGE_SHARE = 4;

/**
 * A Redis Cluster: members with their disks, and a job that forms the cluster, moves slots when shards are added, and
 * drains members before they are deleted.
 *
 * It makes no backup: everything in it can be read again from PostgreSQL.
 */
export class RedisCluster extends pulumi.ComponentResource {
  readonly connection: RedisConnection;
  /** Reconciled: every slot covered, every shard with its replicas. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: RedisClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:RedisCluster", name, {}, opts);
    const { target, settings } = args;
    const count = settings.shards * (settings.replicasPerShard + 1);
    const nodes = Array.from({ length: count }, (_, ordinal) => ({
      host: `${name}-${ordinal}`,
      port: PORTS.redis + ordinal,
    }));
    const authority = new CertificateAuthority(
      `${name}-ca`,
      { commonName: `dujyo ${name}` },
      { parent: this },
    );
    // In the order of their numbers: which of them is in use changes nothing in what is accepted.
    const accepted = settings.passwords
      .toSorted((one, other) => one - other)
      .map((number) => ({ number, passwords: this.#passwords(name, number) }));
    const inUse = settings.passwords.at(-1);
    const passwords = accepted.find(({ number }) => number === inUse)?.passwords as Passwords;
    const clusterPassword: FileSpec = {
      path: "secrets/redis-cluster",
      content: passwords.cluster,
      delivery: "reload",
    };
    const root = { path: "tls/ca.crt", content: authority.certificate };
    const control = [clusterPassword, root];
    const drained = target.removesMembersLast
      ? []
      : [this.#reconcile(`${name}-drain`, target, nodes, settings, control, [], ["--leaving-only"])];

    const members = target.members(
      name,
      {
        image: "redis",
        count,
        limits: { memory: bytes(settings.memory), cpus: settings.cpus },
        storage: bytes(settings.memory) * STORAGE_SHARE,
        companion: args.companion,
        fixedAddresses: true,
        toldPlace: true,
        ports: [],
        files: [
          { path: "redis.conf", content: redisConf(settings) },
          {
            path: "users.acl",
            content: usersAcl(accepted.map(({ passwords }) => passwords)),
            delivery: "reload",
          },
          { path: "secrets/redis-replication", content: passwords.replication, delivery: "reload" },
          { path: "secrets/redis-reload", content: passwords.reload, delivery: "reload" },
          clusterPassword,
          root,
        ],
        stopGrace: 30,
        startTimeout: 60,
        member: (ordinal) => ({
          ports: [
            {
              name: "redis",
              port: PORTS.redis + ordinal,
              published: PORTS.redis + ordinal + args.portOffset,
            },
            { name: "bus", port: PORTS.redis + ordinal + PORTS.redisBusDistance },
          ],
          environment: { MEMBER_PORT: String(PORTS.redis + ordinal) },
          files: this.#certificate(name, ordinal, target, authority),
        }),
      },
      { parent: this, after: drained },
    );
    this.ready = this.#reconcile(`${name}-reconcile`, target, nodes, settings, control, [members]);
    this.connection = { nodes, ca: authority.certificate, passwords };
    this.registerOutputs({});
  }

  /** The first have no number in their names: stacks had them before passwords could be rotated. */
  #passwords(name: string, number: number): Passwords {
    const entries = USERS.map((user) => {
      const resource = number === 1 ? `${name}-${user}` : `${name}-${user}-${number}`;
      return [user, new Password(resource, { parent: this }).value] as const;
    });
    return Object.fromEntries(entries) as unknown as Passwords;
  }

  #certificate(name: string, ordinal: number, target: Target, authority: CertificateAuthority): FileSpec[] {
    const member = `${name}-${ordinal}`;
    const names = [...target.memberHosts(name, ordinal), name];
    const leaf = new Certificate(`${member}-tls`, { authority, commonName: member, names }, { parent: this });
    return [
      { path: "tls/server.crt", content: leaf.certificate, delivery: "reload" },
      { path: "tls/server.key", content: leaf.privateKey, delivery: "reload" },
    ];
  }

  #reconcile(
    part: string,
    target: Target,
    nodes: RedisConnection["nodes"],
    settings: Settings["redis"],
    files: readonly FileSpec[],
    after: readonly pulumi.Resource[],
    options: readonly string[] = [],
  ): pulumi.Resource {
    const desired = {
      members: nodes.map(({ host, port }) => ({ name: host, host, port })),
      shards: settings.shards,
      replicasPerShard: settings.replicasPerShard,
    };
    // Slots move one by one: a shard of a filled cluster on a busy machine takes minutes.
    const deadline = 900;
    return target.job(
      part,
      {
        image: "redis",
        command: [
          "/usr/bin/tini",
          "-g",
          "--",
          "/usr/local/bin/cluster-reconcile",
          "--deadline",
          String(deadline),
          ...options,
        ],
        files: [...files, { path: "cluster.json", content: JSON.stringify(desired, undefined, 2) }],
        limits: { memory: 96 * MB, cpus: settings.cpus },
        timeout: deadline + 30,
      },
      { parent: this, after },
    );
  }
}

function redisConf(settings: Settings["redis"]): string {
  const limit = bytes(settings.memory);
  return render("redis/redis.conf", {
    maxMemoryBytes: redisMaxMemory(settings),
    replBacklogBytes: Math.max(MB, Math.floor(limit / 32)),
    replicaBufferBytes: Math.max(8 * MB, Math.floor(limit / 8)),
    maxClients: 1_000,
    ioThreads: settings.cpus >= 4 ? 2 : 1,
    nodeTimeoutMs: milliseconds(settings.nodeTimeout),
  });
}

function usersAcl(accepted: readonly Passwords[]): pulumi.Output<string> {
  const digest = (text: string) => `#${createHash("sha256").update(text).digest("hex")}`;
  const holes = USERS.map((user) => {
    const all = pulumi.all(accepted.map((passwords) => passwords[user]));
    return [`${user}Passwords`, all.apply((texts) => texts.map(digest).join(" "))];
  });
  return renderOutput("redis/users.acl", {
    ...Object.fromEntries(holes),
    // Braces are part of a hash tag, so every key of an account lies in one slot: dujyo:{account}:...
    appKeyPattern: "dujyo:*",
    appChannelPattern: "dujyo:*",
  });
}
