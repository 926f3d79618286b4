import * as pulumi from "@pulumi/pulumi";
import { readConfig, render, renderOutput } from "../lib/render.ts";
import { bytes, milliseconds } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { Certificate, CertificateAuthority } from "../secrets/certificates.ts";
import { Password } from "../secrets/password.ts";
import { postgresMemory } from "../settings/budgets.ts";
import type { PostgresIdentity } from "../settings/identity.ts";
import { bothRoles, roleInTurn } from "../settings/member-roles.ts";
import { RECOVERY_PROFILES } from "../settings/recovery.ts";
import type { Settings } from "../settings/schema.ts";
import type { CompanionSpec, FileSpec, Target, Workload } from "../target.ts";
import { archiveParameters, memberConfiguration } from "./backup/pgbackrest.ts";
import type { EtcdCluster } from "./etcd-cluster.ts";

/** One role per purpose that logs in with a password; the superuser is for Patroni and for provisioning alone. */
const ROLES = {
  superuser: "postgres",
  replication: "dujyo_repl",
  rewind: "dujyo_rewind",
  owner: "dujyo_user",
  app: "dujyo_app",
  readonly: "dujyo_readonly",
  monitoring: "monitoring",
} as const;

export type PostgresRole = keyof typeof ROLES;

/** Roles of clients, whose passwords `postgres.passwords` numbers; those of the others have `postgres.memberPasswords`. */
const CLIENTS: ReadonlySet<PostgresRole> = new Set<PostgresRole>(["owner", "app", "readonly", "monitoring"]);
/** Roles that take turns with a second one, so that members are let in as either while their passwords are changed. */
const IN_TURN: ReadonlySet<PostgresRole> = new Set<PostgresRole>(["replication", "rewind"]);

export const DATABASE = "dujyo_blockchain";

export interface PostgresClusterArgs {
  readonly target: Target;
  readonly settings: Settings["postgres"];
  /** Whether members archive their WAL, and how. */
  readonly backup: Settings["backup"];
  /** Networks of clients that may open sessions with the members themselves. */
  readonly allowedCidrs: readonly string[];
  /** The store Patroni elects through, where the target has none of its own. */
  readonly consensus: EtcdCluster;
  readonly portOffset: number;
  /** The pooler, which is to learn of changed passwords: its name, and one that leads to all its instances. */
  readonly pooler: { readonly host: string; readonly instances: string };
  /** Names of the endpoints in front, which a client may verify the members' certificates by. */
  readonly endpointHosts: readonly string[];
  /** Passwords and root certificate of the other site, which has them from its creation on. @default its own */
  readonly identity?: PostgresIdentity;
  /** Beside each member, on targets that have companions. @default none */
  readonly companion?: CompanionSpec;
}

type Passwords = Readonly<Record<PostgresRole, pulumi.Output<string>>>;

/** A password and the role that has it. */
interface NumberedPassword {
  readonly user: string;
  readonly value: pulumi.Output<string>;
}

/** An empty line: a file that is uploaded may not be empty. */
const EMPTY = "\n";
const MB = 2 ** 20;
/** Seconds the settling job gets: time for a base backup of a loaded member and a rolling restart. */
const SETTLE_SECONDS = 900;
/** Room for 15 replicas, their base backups and spares: raising it later would restart every member. */
const WAL_SENDERS = 32;

/**
 * PostgreSQL under Patroni: members that elect their primary, and jobs that put the shared configuration into the
 * consensus store before the first start and bring a running cluster to it afterwards.
 */
export class PostgresCluster extends pulumi.ComponentResource {
  /** Host names of the members, by ordinal. */
  readonly members: readonly string[];
  /** Root certificate of PostgreSQL, Patroni, HAProxy and PgBouncer; PEM. */
  readonly ca: pulumi.Output<string>;
  /** Those that the roles have. */
  readonly passwords: Passwords;
  /** Each with the one that its role may have instead while it is being changed; one a line, the one in use first. */
  readonly knownPasswords: Passwords;
  /** All that another site of the same database has to share; a secret. */
  readonly identity: pulumi.Output<PostgresIdentity>;
  /** Whole: a leader, every replica streaming, the quorum complete, roles and database in place. */
  readonly settled: pulumi.Resource;
  readonly #authority: CertificateAuthority;
  /** Those of all numbers, the one in use last. */
  readonly #numbered: Readonly<Record<PostgresRole, readonly NumberedPassword[]>>;

  constructor(name: string, args: PostgresClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:PostgresCluster", name, {}, opts);
    const { target, settings, identity } = args;
    this.#authority = new CertificateAuthority(
      `${name}-ca`,
      { commonName: `dujyo ${name}`, ...(identity && { adopted: identity }) },
      { parent: this },
    );
    this.ca = this.#authority.certificate;
    this.members = Array.from({ length: settings.replicas + 1 }, (_, ordinal) => `${name}-${ordinal}`);
    this.#numbered = mapRoles((role) =>
      this.#createPasswords(
        `${name}-${role}`,
        role,
        CLIENTS.has(role) ? settings.passwords : settings.memberPasswords,
        identity?.[role],
      ),
    );
    this.passwords = mapRoles((role) => this.#inUse(role).value);
    this.knownPasswords = mapRoles((role) =>
      pulumi
        .all(this.#numbered[role].map(({ value }) => value).toReversed())
        .apply((texts) => texts.join("\n")),
    );
    this.identity = pulumi.secret(
      pulumi
        .all([this.#authority.certificate, this.#authority.privateKey, pulumi.output(this.passwords)])
        .apply(([certificate, privateKey, passwords]) => ({ certificate, privateKey, ...passwords })),
    );

    const dynamic = { path: "dynamic.yml", content: dynamicConfiguration(settings, args.backup) };
    const control = [
      ...this.serverFiles(`${name}-client`, [`${name}-client`], "client"),
      ...args.consensus.clientFiles(name),
    ];
    const patroni: FileSpec = {
      path: "patroni.yml",
      content: this.#patroniConfiguration(args),
      delivery: "reload",
    };
    const sites = otherSite(settings);

    const plan = {
      path: "settle.json",
      content: JSON.stringify(
        {
          members: this.members,
          // A site that follows another commits nothing.
          synchronousStandbys: settings.standby ? 0 : settings.synchronousReplicas,
          deadlineSeconds: SETTLE_SECONDS,
          pooler: { ...args.pooler, port: PORTS.pgbouncer },
        },
        undefined,
        2,
      ),
    };

    // With the plan, members that are to go hand over before they do.
    const before = target.removesMembersLast
      ? { files: [], seconds: 0 }
      : { files: [plan], seconds: SETTLE_SECONDS };
    const seeded = target.job(
      `${name}-seed`,
      {
        image: "postgres",
        command: ["/usr/bin/tini", "-g", "--", "/usr/local/bin/postgres-settle", "seed"],
        files: [...control, patroni, dynamic, ...before.files],
        election: electionName(),
        limits: { memory: 128 * MB, cpus: settings.cpus },
        timeout: 180 + before.seconds,
      },
      { parent: this, after: [args.consensus] },
    );
    const members = this.#createMembers(name, args, [...control, patroni, ...sites], seeded);
    this.settled = this.#settle(name, args, [...control, dynamic, plan, ...sites], members);
    this.registerOutputs({});
  }

  /** A certificate of this trust domain as `tls/<kind>.crt` and `tls/<kind>.key`, with the root as `tls/ca.crt`. */
  serverFiles(name: string, hosts: readonly string[], kind: "server" | "client" = "server"): FileSpec[] {
    const leaf = new Certificate(
      `${name}-tls`,
      { authority: this.#authority, commonName: name, names: hosts },
      { parent: this },
    );
    return [
      { path: "tls/ca.crt", content: this.ca },
      { path: `tls/${kind}.crt`, content: leaf.certificate, delivery: "reload" },
      { path: `tls/${kind}.key`, content: leaf.privateKey, delivery: "reload" },
    ];
  }

  /** The first has no number in its name: stacks had it before passwords could be rotated. */
  #createPasswords(
    name: string,
    role: PostgresRole,
    numbers: readonly number[],
    adopted: string | undefined,
  ): readonly NumberedPassword[] {
    return numbers.map((number) => ({
      user: IN_TURN.has(role) ? roleInTurn(ROLES[role], number) : ROLES[role],
      value:
        number === 1
          ? new Password(name, { parent: this }, adopted).value
          : new Password(`${name}-${number}`, { parent: this }).value,
    }));
  }

  #inUse(role: PostgresRole): NumberedPassword {
    return this.#numbered[role].at(-1) as NumberedPassword;
  }

  #patroniConfiguration({ allowedCidrs, consensus, target }: PostgresClusterArgs): pulumi.Output<string> {
    return renderOutput("patroni/patroni.yml", {
      scope: electionName(),
      storeNamespace: target.electorate?.namespace ?? "/dujyo/",
      store: (target.electorate
        ? render("patroni/store-kubernetes.yml", { scopeLabel: target.electorate.label })
        : render("patroni/store-etcd.yml", { etcdHosts: consensus.endpoints.join(",") })
      ).trimEnd(),
      network: target.peerNetworks.join(","),
      clientLines: [
        // A replica is a member, wherever it runs; whoever comes from the machine's loopback is a client.
        ...target.loopbackNetworks.flatMap((network) => [
          `hostssl replication all ${network} reject`,
          `hostssl all dujyo_rewind,dujyo_rewind_b ${network} reject`,
        ]),
        ...[...target.forwardedNetworks, ...allowedCidrs].map(
          (network) =>
            `hostssl dujyo_blockchain dujyo_user,dujyo_app,dujyo_readonly,monitoring ${network} scram-sha-256`,
        ),
      ]
        .map((line) => `\n    - ${line}`)
        .join(""),
      superuserPassword: this.passwords.superuser,
      replicationRole: this.#inUse("replication").user,
      replicationPassword: this.passwords.replication,
      rewindRole: this.#inUse("rewind").user,
      rewindPassword: this.passwords.rewind,
    });
  }

  #createMembers(
    name: string,
    { target, settings, backup, endpointHosts, portOffset, companion }: PostgresClusterArgs,
    files: readonly FileSpec[],
    seeded: pulumi.Resource,
  ): Workload {
    return target.members(
      name,
      {
        image: "postgres",
        count: this.members.length,
        limits: { memory: bytes(settings.memory), cpus: settings.cpus },
        storage: bytes(settings.storage),
        companion,
        // Index builds share their sort through it.
        sharedMemory: 128 * MB,
        ports: [{ name: "patroni", port: PORTS.patroni }],
        files: backup.enabled ? [...files, memberConfiguration()] : files,
        election: electionName(),
        apart: true,
        // The hand-over, then the shutdown checkpoint: Patroni gives up on it after 30 s.
        stopGrace: 75,
        startTimeout: 300,
        member: (ordinal) => ({
          ports: [
            { name: "postgres", port: PORTS.postgres, published: PORTS.postgres + ordinal + portOffset },
          ],
          files: this.serverFiles(`${name}-${ordinal}`, [
            ...target.memberHosts(name, ordinal),
            ...endpointHosts,
          ]).slice(1),
        }),
      },
      { parent: this, after: [seeded] },
    );
  }

  /**
   * What roles are to have; nothing, for one that is out of turn. The superuser's has the other number's behind it: the job logs
   * in with whichever is in force.
   */
  #settledPasswords(): readonly { readonly user: string; readonly value: pulumi.Input<string> }[] {
    return Object.values(
      mapRoles((role) => {
        if (role === "superuser") return [{ user: ROLES[role], value: this.knownPasswords[role] }];
        if (!IN_TURN.has(role)) return [this.#inUse(role)];
        return bothRoles(ROLES[role]).map(
          (turn) => this.#numbered[role].find(({ user }) => user === turn) ?? { user: turn, value: EMPTY },
        );
      }),
    ).flat();
  }

  #settle(
    name: string,
    { target, settings }: PostgresClusterArgs,
    files: readonly FileSpec[],
    members: Workload,
  ): pulumi.Resource {
    const secrets = this.#settledPasswords().map(({ user, value }) => ({
      path: `secrets/${user.replaceAll("_", "-")}-password`,
      content: value,
    }));
    return target.job(
      `${name}-settle`,
      {
        image: "postgres",
        command: ["/usr/bin/tini", "-g", "--", "/usr/local/bin/postgres-settle"],
        files: [
          ...files,
          ...secrets,
          { path: "roles.sql", content: readConfig("postgres/roles.sql") },
          {
            path: "database.sql",
            content: readConfig("postgres/database.sql") + readConfig("postgres/monitoring.sql"),
          },
        ],
        limits: { memory: 128 * MB, cpus: settings.cpus },
        timeout: SETTLE_SECONDS + 60,
      },
      { parent: this, after: [members] },
    );
  }
}

function mapRoles<T>(made: (role: PostgresRole) => T): Readonly<Record<PostgresRole, T>> {
  const roles = Object.keys(ROLES) as PostgresRole[];
  return Object.fromEntries(roles.map((role) => [role, made(role)])) as Record<PostgresRole, T>;
}

/** What tells this cluster from others in the same store. */
function electionName(): string {
  return `dujyo-${pulumi.getStack()}`;
}

/** Where the other site answers, for those who have to know whether it leads; none where there is no other site. */
function otherSite({ otherSite: { host, port } }: Settings["postgres"]): FileSpec[] {
  return host === "" ? [] : [{ path: "other-site.json", content: JSON.stringify({ host, port }) }];
}

/** Slot that the leading site keeps for the one that follows it. */
const SITE_SLOT = "other_site";

/** What Patroni is told of the other site. */
function siteConfiguration({ standby, otherSite: { host, port } }: Settings["postgres"]): string {
  if (host === "") return "";
  return render("patroni/sites.yml", {
    slot: SITE_SLOT,
    standbyCluster: standby
      ? `standby_cluster: ${JSON.stringify({ host, port, primary_slot_name: SITE_SLOT })}`
      : "",
  });
}

/** Largest share of the disk that WAL may take before a checkpoint is forced, and for a replica that stays away. */
const WAL_SHARE = 0.1;
const SLOT_SHARE = 0.2;

function dynamicConfiguration(settings: Settings["postgres"], backup: Settings["backup"]): string {
  const memory = postgresMemory(settings);
  const profile = RECOVERY_PROFILES[settings.recovery];
  const disk = Math.floor(bytes(settings.storage) / MB);
  const parameters = Object.entries(settings.parameters).map(
    ([key, value]) => `    ${key}: ${JSON.stringify(value)}`,
  );
  return render("patroni/dynamic.yml", {
    ttl: profile.ttl,
    loopWait: profile.loopWait,
    retryTimeout: profile.retryTimeout,
    primaryStartTimeout: profile.primaryStartTimeout,
    synchronousStandbys: Math.max(1, settings.synchronousReplicas),
    // With fewer than two replicas, losing one must not stop the writes.
    synchronousStrict: String(settings.replicas >= 2),
    maxConnections: settings.maxConnections,
    sharedBuffers: `${memory.sharedBuffers}MB`,
    effectiveCacheSize: `${memory.effectiveCacheSize}MB`,
    workMem: `${memory.workMem}MB`,
    maintenanceWorkMem: `${memory.maintenanceWorkMem}MB`,
    maxWalSize: `${Math.max(256, Math.floor(disk * WAL_SHARE))}MB`,
    minWalSize: "128MB",
    maxWalSenders: WAL_SENDERS,
    maxReplicationSlots: WAL_SENDERS,
    walKeepSize: "128MB",
    maxSlotWalKeepSize: `${Math.max(512, Math.floor(disk * SLOT_SHARE))}MB`,
    slowQueryMs: milliseconds(settings.slowQuery),
    walLevel: settings.logicalReplication ? "logical" : "replica",
    foreignSlots: settings.logicalReplication ? readConfig("patroni/foreign-slots.yml") : "",
    archive: archiveParameters(backup, bytes(settings.storage)),
    sites: siteConfiguration(settings),
    parameters: parameters.join("\n"),
  });
}
