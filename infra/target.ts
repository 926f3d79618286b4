import type * as pulumi from "@pulumi/pulumi";
import type { ImageName } from "./images.ts";
import type { ScrapeJob } from "./scrape-job.ts";

/** Where every workload finds its configuration and secrets, on every target: the images name it too. */
export const FILES_PATH = "/etc/dujyo";

/**
 * A configuration file or a secret that a workload finds below {@link FILES_PATH}. A change replaces its members one by one,
 * or reaches them while they run, as its {@link FileSpec.delivery} says.
 */
export interface FileSpec {
  /** Path below `/etc/dujyo`, for example `tls/server.key`. */
  readonly path: string;
  readonly content: pulumi.Input<string>;
  /**
   * How a change of it reaches members that run, on targets that can write into what is mounted; on others they are replaced
   * one by one. Jobs run again for a change of `"replace"` alone.
   * - `"replace"`: by members that take their place, one by one.
   * - `"reload"`: the `member-reload` of their image has them read it again.
   * - `"follow"`: its reader looks at it by itself. It may meet the file half written, and has to read it again.
   * @default "replace"
   */
  readonly delivery?: "replace" | "reload" | "follow";
}

export interface PortSpec {
  readonly name: string;
  /** Port inside the stack's network. */
  readonly port: number;
  /** Port on the loopback interface of a developer's machine; only Docker publishes. */
  readonly published?: number;
}

export interface ResourceLimits {
  /** Bytes; the workload is killed beyond them. */
  readonly memory: number;
  /** Processors. */
  readonly cpus: number;
}

/**
 * A program beside every instance of a workload, within reach of what can be seen from there alone: its loopback interface,
 * its disk (read-only, where the workload has it), the name of its node (in `NODE_NAME`). It has files of its own, and its
 * end or silence changes nothing for the instance.
 */
export interface CompanionSpec {
  readonly image: ImageName;
  readonly limits: ResourceLimits;
  readonly files: readonly FileSpec[];
  /** Never a secret. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What all kinds of workload have in common. Images bring their own `member-start`, `member-ready` and `member-health`. */
export interface WorkloadSpec {
  readonly image: ImageName;
  readonly limits: ResourceLimits;
  readonly files: readonly FileSpec[];
  readonly ports: readonly PortSpec[];
  /** Bytes of /dev/shm, part of the memory limit. @default 64 MB */
  readonly sharedMemory?: number;
  /** Never a secret. */
  readonly environment?: Record<string, string>;
  /**
   * Whether it sees the control groups of the node it runs on, read-only, at `/host/cgroup`. The exception from every
   * container's confinement that figures of containers need; for that exporter alone. @default false
   */
  readonly nodeView?: boolean;
  /**
   * How often a packet that nobody confirms is sent again before its connection is given up, for a program that has no limit of
   * its own for it; each time waits twice as long as the one before, 0.2 s at first. Without effect on targets that do not let a
   * workload set parameters of the kernel. @default 15, the kernel's, which takes a quarter of an hour
   */
  readonly retransmissions?: number;
  /** On targets with {@link Target.companions}; without effect elsewhere. @default none */
  readonly companion?: CompanionSpec;
  /**
   * Name under which its members elect their leader through the platform's own interface, which gives them the right to.
   * Without effect on targets whose {@link Target.coordination} is a store of the stack's own. @default no part in elections
   */
  readonly election?: string;
  /**
   * Whether `member-ready` counts at its start alone. For a service that has more to offer than that check looks at: where
   * sessions go to ready instances only, it would lose all of them for the lack of one thing. @default false
   */
  readonly readyOnce?: boolean;
  /** Seconds a member gets to finish on its own before it is killed. */
  readonly stopGrace: number;
  /** Seconds a member gets to become ready after its start. */
  readonly startTimeout: number;
}

/** What one member has for itself. */
export interface MemberSpec {
  readonly files?: readonly FileSpec[];
  readonly ports?: readonly PortSpec[];
  readonly environment?: Record<string, string>;
}

/** Members that keep their name and disk across restarts and are changed one at a time: etcd, PostgreSQL, Redis. */
export interface MembersSpec extends WorkloadSpec {
  readonly count: number;
  readonly member: (ordinal: number) => MemberSpec;
  /** Bytes of disk each member asks for, where the target measures disks out. Members without it have none. */
  readonly storage?: number;
  /** Whether no two members may share a node where the settings demand spreading: each of them counts in a quorum. @default false */
  readonly apart?: boolean;
  /**
   * Whether members are told where they run, in `MEMBER_NODE` and `MEMBER_ZONE`, on targets with several nodes; empty where the
   * platform does not tell. @default false
   */
  readonly toldPlace?: boolean;
  /** Whether members need an address that survives their replacement. @default false */
  readonly fixedAddresses?: boolean;
}

/** Interchangeable instances without a disk behind one name: HAProxy, PgBouncer, the API. */
export interface ServiceSpec extends WorkloadSpec {
  readonly instances: number;
  /** Instances that load may bring about, on targets that can scale. @default {@link instances} */
  readonly mostInstances?: number;
  /** Whether clients from outside come in here, on targets that have an entry of their own. @default false */
  readonly entry?: boolean;
  /** Whether each instance is talked to by itself, for which it has to be found: {@link Target.instancesName}. @default false */
  readonly watched?: boolean;
}

/** Runs to its end before its dependants start, and again whenever one of its files or its command changes. */
export interface JobSpec {
  readonly image: ImageName;
  readonly command: readonly string[];
  readonly files: readonly FileSpec[];
  readonly limits: ResourceLimits;
  /** Never a secret. */
  readonly environment?: Record<string, string>;
  /** As {@link WorkloadSpec.election}. */
  readonly election?: string;
  /** Seconds after which it counts as failed. */
  readonly timeout: number;
}

/** Where a workload belongs in the resource tree, and what has to be done before it starts. */
export interface Placement {
  readonly parent: pulumi.Resource;
  /** @default nothing */
  readonly after?: readonly pulumi.Resource[];
}

/** A deployed workload. To depend on it is to depend on all its members being ready. */
export interface Workload extends pulumi.Resource {
  /** Name of the workload inside the stack's network. */
  readonly host: string;
  /** Name of each member inside the stack's network. */
  readonly members: readonly string[];
}

/** A member of a workload as it was deployed. */
export interface DeployedMember {
  readonly name: string;
  /** What its control group is called after, known once it runs; absent where no {@link WorkloadSpec.nodeView} tells. */
  readonly containerId?: pulumi.Output<string>;
  readonly files: readonly FileSpec[];
}

/** Where the platform keeps what an election is about. */
export interface Electorate {
  readonly namespace: string;
  /** Label of the electors; its value is the name of their election. */
  readonly label: string;
}

/** A rule of Prometheus: a series that is recorded, or an alert. */
export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A file of rules, read. */
export interface RuleFile {
  /** Without its ending. */
  readonly name: string;
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

/** What a monitoring that the platform has already is to read, to tell and to draw. */
export interface WatchSpec {
  readonly jobs: readonly ScrapeJob[];
  /** Seconds between two readings of a target. */
  readonly interval: number;
  /** Seconds that a target may take to answer. */
  readonly timeout: number;
  /** What it shows to each trust domain and verifies it by: `tls/<domain>-ca.crt`, `-client.crt`, `-client.key`. */
  readonly identities: readonly FileSpec[];
  /** Labels by which it finds all this. */
  readonly labels: Readonly<Record<string, string>>;
  readonly rules: readonly RuleFile[];
  /** Grafana's dashboards, JSON. */
  readonly dashboards: readonly { readonly name: string; readonly content: string }[];
}

/**
 * Where workloads run. Each target lowers the same description to its own resources and has the same set of files
 * below `infra/targets/`. Components know this interface and no provider.
 */
export interface Target {
  readonly name: "docker" | "kubernetes";

  /**
   * What Patroni elects through. `"etcd"`: the stack brings etcd members of its own. `"kubernetes"`: the cluster's API.
   */
  readonly coordination: "etcd" | "kubernetes";

  /**
   * Whether the name of a service leads to any of its instances that is ready. Where it does not, a component that needs
   * one address for several instances puts a balancer in front.
   */
  readonly balancesServices: boolean;

  /** Networks, in CIDR form, that the stack's own members have their addresses in. */
  readonly peerNetworks: readonly string[];

  /**
   * Those of them, CIDR, under which clients of the machine's loopback interface come: no member has one. Empty where
   * nothing is published there.
   */
  readonly loopbackNetworks: readonly string[];

  /**
   * Networks, CIDR, under which a person's clients come where a member's port can be forwarded: from within. Empty where ports
   * are published instead.
   */
  readonly forwardedNetworks: readonly string[];

  /**
   * Whether members that are taken away go after everything that depends on their workload is done. Where they go with the
   * change of the workload itself, what takes them has to be done before it.
   */
  readonly removesMembersLast: boolean;

  /**
   * Whether published ports are reached from the machine itself alone, so that a person's page may be plain HTTP. Where
   * they are not, a page asks for TLS and a certificate.
   */
  readonly loopbackPages: boolean;

  /** Whether an instance can have a {@link WorkloadSpec.companion}. Where not, what has to be watched is reached otherwise. */
  readonly companions: boolean;

  /** Whether what the containers use can be seen from one of them, by {@link WorkloadSpec.nodeView}. */
  readonly seesContainers: boolean;

  /** Whether `image` can be had here; true of all but those that only a container registry serves. */
  hasImage(image: ImageName): boolean;

  /** Members, or services of interchangeable instances, deployed so far. */
  readonly deployed: readonly DeployedMember[];

  /** Where members that take part in an {@link WorkloadSpec.election} find each other; where the platform has none, undefined. */
  readonly electorate?: Electorate;

  /** The whole name of a member, for programs that ask a name server themselves and know no search list. */
  wholeName(part: string, ordinal: number): string;

  /**
   * Name with an address record for every instance of a service that is {@link ServiceSpec.watched}, ready or not. Where
   * undefined, each instance is a member with a name of its own.
   */
  instancesName(part: string): string | undefined;

  /** Host names under which members of `part` are reached, all that a certificate has to name. */
  memberHosts(part: string, ordinal: number): readonly string[];

  members(part: string, spec: MembersSpec, placement: Placement): Workload;
  service(part: string, spec: ServiceSpec, placement: Placement): Workload;
  job(part: string, spec: JobSpec, placement: Placement): pulumi.Resource;

  /** Hands over to the platform's own monitoring. Undefined where no platform has one. */
  watch?(spec: WatchSpec, placement: Placement): void;
}
