import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { type ImageName, imageRef } from "../../images.ts";
import {
  type DeployedMember,
  FILES_PATH,
  type JobSpec,
  type MemberSpec,
  type MembersSpec,
  type Placement,
  type ServiceSpec,
  type Target,
  type Workload,
  type WorkloadSpec,
} from "../../target.ts";
import { DeployedWorkload } from "../workload.ts";
import {
  CONTAINER_USER,
  confinement,
  DATA_PATH,
  DEFAULT_SHARED_MEMORY,
  HEALTH_CHECK,
  LOG_OPTIONS,
  NODE_VIEW_PATH,
  processLimit,
  publishedOnLoopback,
  TMPFS,
} from "./container.ts";
import { Ready, Reload, Run } from "./docker-command.ts";
import { createFiles } from "./files.ts";
import { createNetwork, fixedAddress, gatewayAddress } from "./network.ts";

export interface DockerTargetArgs {
  /** Project and stack, the first part of every physical name: `dujyo-dev`. */
  readonly prefix: string;
  readonly stack: string;
  /** IPv4 /24 network of the stack. */
  readonly subnet: string;
  /** Marks what belongs to this state, so that volumes of another are never taken for one's own. */
  readonly identity: pulumi.Input<string>;
  /** Whether the engine holds an image of this reference. */
  readonly isPresent: (reference: string) => boolean;
}

interface Label {
  readonly label: string;
  readonly value: pulumi.Input<string>;
}

/** What sets one container of a workload apart from the others. */
interface Place {
  readonly own: MemberSpec;
  /** Address that survives the container's replacement. */
  readonly address?: string;
  /** Whether it has a data volume. */
  readonly disk: boolean;
}

/** Workloads as containers of one Docker engine, on a network of the stack's own, published on loopback only. */
export class DockerTarget implements Target {
  readonly name = "docker";
  readonly coordination = "etcd";
  readonly balancesServices = false;
  readonly removesMembersLast = true;
  readonly loopbackPages = true;
  readonly companions = false;
  readonly seesContainers = true;
  readonly deployed: DeployedMember[] = [];
  readonly peerNetworks: readonly string[];
  readonly loopbackNetworks: readonly string[];
  readonly forwardedNetworks: readonly string[] = [];
  readonly #args: DockerTargetArgs;
  readonly #network: docker.Network;
  readonly #images = new Map<ImageName, docker.RemoteImage>();

  constructor(args: DockerTargetArgs) {
    this.#args = args;
    this.peerNetworks = [args.subnet];
    this.loopbackNetworks = [`${gatewayAddress(args.subnet)}/32`];
    this.#network = createNetwork(args.prefix, args.subnet, this.#labels("network"));
  }

  hasImage(image: ImageName): boolean {
    return this.#args.isPresent(imageRef(image));
  }

  wholeName(part: string, ordinal: number): string {
    return `${part}-${ordinal}`;
  }

  instancesName(): undefined {
    return undefined;
  }

  memberHosts(part: string, ordinal: number): readonly string[] {
    return [`${part}-${ordinal}`];
  }

  members(part: string, spec: MembersSpec, placement: Placement): Workload {
    const names = Array.from({ length: spec.count }, (_, ordinal) => `${part}-${ordinal}`);
    return this.#workload(part, names, spec, placement, (ordinal) => ({
      own: spec.member(ordinal),
      address: spec.fixedAddresses ? fixedAddress(this.#args.subnet, ordinal) : undefined,
      disk: spec.storage !== undefined,
    }));
  }

  service(part: string, spec: ServiceSpec, placement: Placement): Workload {
    const numbered = Array.from({ length: spec.instances }, (_, ordinal) => `${part}-${ordinal}`);
    const names = spec.instances === 1 ? [part] : numbered;
    return this.#workload(part, names, spec, placement, () => ({ own: {}, disk: false }));
  }

  job(part: string, spec: JobSpec, placement: Placement): pulumi.Resource {
    const parent = new pulumi.ComponentResource("dujyo:docker:Job", part, {}, { parent: placement.parent });
    const name = `${this.#args.prefix}-${part}`;
    const image = this.#image(spec.image).imageId;
    const files = createFiles(
      part,
      { name: `${name}-files`, image, files: spec.files, labels: this.#labels(part) },
      { parent },
    );
    const { memory, cpus } = confinement(spec.limits);
    const tmpfs = Object.entries(TMPFS).flatMap(([path, options]) => ["--tmpfs", `${path}:${options}`]);
    const labels = pulumi.output(this.#labels(part));
    const args = pulumi
      .all([image, files.volume, this.#network.name, labels])
      .apply(([imageId, volume, network, marks]) => [
        ...["--network", network, "--hostname", part, "--user", CONTAINER_USER],
        ...["--read-only", "--cap-drop", "ALL"],
        ...["--security-opt", "no-new-privileges:true", "--memory", `${memory}m`, "--cpus", cpus],
        ...["--pids-limit", String(processLimit(spec.limits)), ...tmpfs],
        ...Object.entries(spec.environment ?? {}).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
        ...marks.flatMap(({ label, value }) => ["--label", `${label}=${value}`]),
        ...["--volume", `${volume}:${FILES_PATH}:ro`, "--entrypoint", spec.command[0] as string, imageId],
        ...spec.command.slice(1),
      ]);
    new Run(
      part,
      { container: name, args, timeoutSeconds: spec.timeout, filesDigest: files.digest },
      { parent, dependsOn: [files.filled, ...(placement.after ?? [])] },
    );
    return parent;
  }

  /** One after the other: a change reaches the next member when the one before it is back. */
  #workload(
    part: string,
    names: readonly string[],
    spec: WorkloadSpec,
    placement: Placement,
    place: (ordinal: number) => Place,
  ): Workload {
    const workload = new DeployedWorkload(this.name, part, names, { parent: placement.parent });
    let before = [...(placement.after ?? [])];
    for (const [ordinal, name] of names.entries())
      before = [
        this.#member(workload, part, name, spec, { ...place(ordinal), before, next: names[ordinal + 1] }),
      ];
    return workload;
  }

  #member(
    workload: DeployedWorkload,
    part: string,
    name: string,
    spec: WorkloadSpec,
    place: Place & { readonly before: pulumi.Resource[]; readonly next: string | undefined },
  ): pulumi.Resource {
    const physical = `${this.#args.prefix}-${name}`;
    const labels = this.#labels(part, name);
    const image = this.#image(spec.image).imageId;
    const ports = [...spec.ports, ...(place.own.ports ?? [])];
    const published = publishedOnLoopback(ports);
    const files = createFiles(
      name,
      {
        name: `${physical}-files`,
        image,
        files: [...spec.files, ...(place.own.files ?? [])],
        labels: this.#labels(part),
      },
      { parent: workload },
    );
    const data = place.disk
      ? new docker.Volume(`${name}-data`, { name: `${physical}-data`, labels }, { parent: workload })
      : undefined;
    const environment = { ...spec.environment, ...place.own.environment };
    const container = new docker.Container(
      name,
      {
        name: physical,
        hostname: name,
        image,
        ...confinement(spec.limits),
        ...(spec.retransmissions === undefined
          ? {}
          : { sysctls: { "net.ipv4.tcp_retries2": String(spec.retransmissions) } }),
        shmSize: Math.floor((spec.sharedMemory ?? DEFAULT_SHARED_MEMORY) / 2 ** 20),
        envs: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
        labels: [
          ...labels,
          { label: "io.dujyo.files", value: files.digest },
          ...(published[0]
            ? [{ label: "io.dujyo.address", value: `127.0.0.1:${published[0].external}` }]
            : []),
        ],
        networksAdvanced: [
          {
            name: this.#network.name,
            aliases: name === part ? [name] : [name, part],
            ipv4Address: place.address,
          },
        ],
        ports: published,
        volumes: [
          { volumeName: files.volume, containerPath: FILES_PATH, readOnly: true },
          ...(data ? [{ volumeName: data.name, containerPath: DATA_PATH }] : []),
          ...(spec.nodeView
            ? [{ hostPath: "/sys/fs/cgroup", containerPath: NODE_VIEW_PATH, readOnly: true }]
            : []),
        ],
        restart: "unless-stopped",
        healthcheck: HEALTH_CHECK,
        stopTimeout: spec.stopGrace,
        destroyGraceSeconds: spec.stopGrace,
        logDriver: "json-file",
        logOpts: LOG_OPTIONS,
      },
      {
        parent: workload,
        // Names and volumes are fixed: the old member has to be gone before the new one comes.
        deleteBeforeReplace: true,
        dependsOn: [files.filled, ...place.before],
      },
    );
    this.deployed.push({
      name,
      containerId: container.id,
      files: [...spec.files, ...(place.own.files ?? [])],
    });
    const ready = new Ready(
      `${name}-ready`,
      {
        container: physical,
        processes: processLimit(spec.limits),
        containerId: container.id,
        next: place.next === undefined ? "" : `${this.#args.prefix}-${place.next}`,
        timeoutSeconds: spec.startTimeout,
      },
      { parent: workload },
    );
    if (files.reloadedDigest)
      new Reload(
        `${name}-reload`,
        { container: physical, filesDigest: files.reloadedDigest },
        { parent: workload, dependsOn: [ready, files.filled] },
      );
    return ready;
  }

  /** Built by `npm run up` (or pulled from a registry) under a name made of its content, so it is looked up, not built, here. */
  #image(name: ImageName): docker.RemoteImage {
    const known = this.#images.get(name);
    if (known) return known;
    const image = new docker.RemoteImage(`image-${name}`, { name: imageRef(name), keepLocally: true });
    this.#images.set(name, image);
    return image;
  }

  #labels(part: string, member?: string): Label[] {
    const labels = [
      { label: "io.dujyo.stack", value: this.#args.stack },
      { label: "io.dujyo.identity", value: this.#args.identity },
      { label: "io.dujyo.part", value: part },
    ];
    return member === undefined ? labels : [...labels, { label: "io.dujyo.member", value: member }];
  }
}
