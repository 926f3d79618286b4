import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Connection, KNOWN_BY_MEMBER } from "../../connections.ts";
import { type ImageName, OPTIONAL_IMAGES } from "../../images.ts";
import type { Settings } from "../../settings/schema.ts";
import type {
  DeployedMember,
  Electorate,
  JobSpec,
  MembersSpec,
  Placement,
  ServiceSpec,
  Target,
  WatchSpec,
  Workload,
  WorkloadSpec,
} from "../../target.ts";
import { DeployedWorkload } from "../workload.ts";
import { createBudget, createScaling, spread } from "./availability.ts";
import { COMPANION, type Companion, companionFiles } from "./companion.ts";
import { PLACE, probes, variables } from "./container.ts";
import { createEntry } from "./entry.ts";
import { createFiles, type Files } from "./files.ts";
import { podImage } from "./image-reference.ts";
import { createJob } from "./job.ts";
import { createNamespace } from "./namespace.ts";
import { CLUSTER_DOMAIN, createNetwork, memberName, PART_LABEL, searchList } from "./network.ts";
import { createWatch } from "./operator.ts";
import { PLACING_SECONDS, patience } from "./patience.ts";
import { MEMBER_COMMAND, MEMBER_ENVIRONMENT, memberEnvironment, type PodArgs, pod } from "./pod.ts";
import { createProvider } from "./provider.ts";
import { createElector, ELECTION_LABEL } from "./rights.ts";
import { createService } from "./service.ts";
import { CLAIM, claimSpec, createClaim } from "./storage.ts";

export interface KubernetesTargetArgs {
  readonly stack: string;
  readonly settings: Settings["kubernetes"];
  readonly access: Settings["access"];
  /** Who talks to whom: nothing else is let through. */
  readonly connections: readonly Connection[];
  /** Namespace of the Prometheus that reads the stack's figures, where that is not the stack's own. */
  readonly watcherNamespace: string;
  /** Networks, CIDR, of those outside among them who come, or are reached, by address. */
  readonly networks: Readonly<Record<string, readonly string[]>>;
  /** Marks what belongs to this state, so that volumes of another are never taken for one's own. */
  readonly identity: pulumi.Input<string>;
}

/** Workloads as pods of one namespace, which nothing but the stack's own connections reach. */
export class KubernetesTarget implements Target {
  readonly name = "kubernetes";
  readonly coordination = "kubernetes";
  readonly balancesServices = true;
  readonly removesMembersLast = false;
  readonly loopbackPages = false;
  readonly companions = true;
  readonly seesContainers = false;
  readonly deployed: DeployedMember[] = [];
  readonly peerNetworks: readonly string[];
  readonly loopbackNetworks: readonly string[] = [];
  readonly forwardedNetworks: readonly string[] = ["127.0.0.1/32"];
  readonly electorate: Electorate;
  readonly #args: KubernetesTargetArgs;
  readonly #namespace: string;
  readonly #provider: kubernetes.Provider;
  /** The namespace, where the stack makes it. */
  readonly #ground: kubernetes.core.v1.Namespace | undefined;
  #electors: readonly pulumi.Resource[] | undefined;

  constructor(args: KubernetesTargetArgs) {
    this.#args = args;
    const { settings, stack, connections } = args;
    this.#namespace = settings.namespace || `dujyo-${stack}`;
    this.electorate = { namespace: this.#namespace, label: ELECTION_LABEL };
    this.peerNetworks = [settings.podNetwork];
    this.#provider = createProvider(settings.context);
    this.#ground = settings.createNamespace
      ? createNamespace(
          { name: this.#namespace, labels: this.#labels("namespace") },
          // With the namespace go all volumes in it.
          { provider: this.#provider, protect: settings.protectVolumes },
        )
      : undefined;
    createNetwork(
      {
        namespace: this.#namespace,
        labels: (part) => this.#labels(part),
        connections,
        networks: args.networks,
        entryNamespace: settings.ingress.controllerNamespace,
        watcherNamespace: args.watcherNamespace,
        platformNetwork: settings.platformNetwork,
      },
      this.#under(this.#ground),
    );
  }

  /** Those of the project are on the nodes or in its registry; others have to come from one. */
  hasImage(image: ImageName): boolean {
    return !OPTIONAL_IMAGES.has(image) || this.#args.settings.registry !== "";
  }

  wholeName(part: string, ordinal: number): string {
    return memberName(`${part}-${ordinal}`, part, this.#namespace);
  }

  instancesName(part: string): string {
    return `${instances(part)}.${this.#namespace}.svc.${CLUSTER_DOMAIN}`;
  }

  memberHosts(part: string, ordinal: number): readonly string[] {
    const member = `${part}-${ordinal}`;
    return [member, `${member}.${part}`, this.wholeName(part, ordinal)];
  }

  members(part: string, spec: MembersSpec, placement: Placement): Workload {
    const { settings, identity } = this.#args;
    const names = Array.from({ length: spec.count }, (_, ordinal) => `${part}-${ordinal}`);
    const own = names.map((_, ordinal) => spec.member(ordinal));
    const workload = new DeployedWorkload(this.name, part, names, { parent: placement.parent });
    const opts = this.#under(workload);
    const apart = own.some(({ environment }) => environment !== undefined);
    const files = createFiles(
      {
        ...this.#named(part),
        name: part,
        shared: spec.files,
        own: Object.fromEntries(
          names.map((name, ordinal) => [
            name,
            [
              ...(own[ordinal]?.files ?? []),
              ...(apart
                ? [{ path: MEMBER_ENVIRONMENT, content: memberEnvironment(own[ordinal]?.environment ?? {}) }]
                : []),
            ],
          ]),
        ),
      },
      // A member that is to leave needs its files until it has gone.
      { ...opts, dependsOn: [...this.#grounds, ...(placement.after ?? [])] },
    );
    const companion = this.#companion(part, spec, opts);
    this.#service(part, { clusterIP: "None", publishNotReadyAddresses: true }, opts);
    const { storage } = spec;
    const { storageClass, protectVolumes } = settings;
    const claims =
      storage === undefined
        ? []
        : names.map((member) =>
            createClaim(
              { ...this.#named(part), member, identity, storage, storageClass },
              // On nothing that has to go when the stack does: what a kept volume depends on is kept with it.
              { ...opts, protect: protectVolumes },
            ),
          );
    new kubernetes.apps.v1.StatefulSet(
      part,
      {
        metadata: { name: part, ...this.#named(part) },
        spec: {
          serviceName: part,
          replicas: spec.count,
          selector: { matchLabels: this.#selector(part) },
          // In order, the first one would wait for a leader that may be one of the others.
          podManagementPolicy: "Parallel",
          template: this.#template(part, spec, files, companion, {
            disk: storage !== undefined,
            container: {
              ...probes("member", spec),
              ...(apart ? { command: MEMBER_COMMAND } : {}),
              ...(spec.toldPlace ? { env: [...variables(spec.environment), ...PLACE] } : {}),
            },
            stateful: true,
            apart: spec.apart ?? false,
          }),
          volumeClaimTemplates:
            storage === undefined
              ? []
              : [{ metadata: { name: CLAIM }, spec: claimSpec({ storage, storageClass }) }],
        },
      },
      {
        ...opts,
        dependsOn: [...this.#needs(files, companion, spec, placement), ...claims],
        // Claims are resources of their own; a template can not change, nor need it.
        ignoreChanges: ["spec.volumeClaimTemplates"],
        customTimeouts: patience(spec.count, spec.startTimeout),
      },
    );
    if (spec.count > 1) createBudget({ part, selector: this.#selector(part), ...this.#named(part) }, opts);
    for (const [ordinal, name] of names.entries())
      this.deployed.push({ name, files: [...spec.files, ...(own[ordinal]?.files ?? [])] });
    return workload;
  }

  service(part: string, spec: ServiceSpec, placement: Placement): Workload {
    const { access, settings } = this.#args;
    const workload = new DeployedWorkload(this.name, part, [part], { parent: placement.parent });
    const opts = this.#under(workload);
    const files = createFiles({ ...this.#named(part), name: part, shared: spec.files, own: {} }, opts);
    const companion = this.#companion(part, spec, opts);
    this.deployed.push({ name: part, files: spec.files });
    const most = Math.max(spec.instances, spec.mostInstances ?? 0);
    this.#service(
      part,
      { ports: spec.ports.map(({ name, port }) => ({ name, port, targetPort: port })) },
      opts,
    );
    if (spec.watched)
      this.#service(part, { clusterIP: "None", publishNotReadyAddresses: true }, opts, instances(part));
    new kubernetes.apps.v1.Deployment(
      part,
      {
        metadata: { name: part, ...this.#named(part) },
        spec: {
          // Where load decides how many there are, an update must not.
          ...(most > spec.instances ? {} : { replicas: spec.instances }),
          selector: { matchLabels: this.#selector(part) },
          strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          progressDeadlineSeconds: spec.startTimeout + PLACING_SECONDS,
          template: this.#template(part, spec, files, companion, {
            disk: false,
            container: probes("service", spec),
            stateful: false,
            apart: false,
          }),
        },
      },
      {
        ...opts,
        dependsOn: this.#needs(files, companion, spec, placement),
        customTimeouts: patience(most, spec.startTimeout),
      },
    );
    if (most > 1) createBudget({ part, selector: this.#selector(part), ...this.#named(part) }, opts);
    if (most > spec.instances)
      createScaling({ part, least: spec.instances, most, ...this.#named(part) }, opts);
    const first = spec.ports[0];
    if (spec.entry && first && settings.ingress.host !== "")
      createEntry({ part, port: first.port, settings, access, ...this.#named(part) }, opts);
    return workload;
  }

  job(part: string, spec: JobSpec, placement: Placement): pulumi.Resource {
    const parent = new pulumi.ComponentResource(
      "dujyo:kubernetes:Job",
      part,
      {},
      { parent: placement.parent },
    );
    const opts = this.#under(parent);
    const files = createFiles({ ...this.#named(part), name: part, shared: spec.files, own: {} }, opts);
    createJob(
      {
        part,
        spec,
        labels: this.#labels(part),
        namespace: this.#namespace,
        digest: files.digest,
        pod: this.#pod(part, spec, files, { disk: false, container: {} }),
        image: this.#image(spec.image),
      },
      {
        ...opts,
        dependsOn: this.#needs(files, undefined, spec, placement),
        customTimeouts: patience(1, spec.timeout),
      },
    );
    return parent;
  }

  watch(spec: WatchSpec, placement: Placement): void {
    createWatch(
      {
        spec,
        stack: this.#args.stack,
        namespace: this.#namespace,
        labels: (part) => this.#labels(part),
        selector: (part) => this.#selector(part),
      },
      this.#under(placement.parent),
    );
  }

  /** What stands beside each instance, and its files; they are one Secret for all of them. */
  #companion(part: string, spec: WorkloadSpec, opts: pulumi.CustomResourceOptions): Companion | undefined {
    if (!spec.companion) return;
    const files = createFiles(companionFiles(part, spec.companion, this.#named(part)), opts);
    return { spec: spec.companion, image: this.#image(spec.companion.image), files };
  }

  #pod(
    part: string,
    spec: WorkloadSpec | JobSpec,
    files: Files,
    own: Pick<PodArgs, "container" | "disk" | "companion">,
  ) {
    const { settings, connections } = this.#args;
    const reached = connections.filter(({ from }) => from === part).map(({ to }) => to);
    return pod({
      name: part,
      spec,
      image: this.#image(spec.image),
      files,
      cpuShare: settings.cpuShare,
      pullSecret: settings.pullSecret,
      priorityClass: own.disk ? settings.dataPriority : settings.servicePriority,
      searches: searchList(
        [...new Set([part, ...reached])].filter((to) => KNOWN_BY_MEMBER.has(to)),
        this.#namespace,
      ),
      ...own,
    });
  }

  #template(
    part: string,
    spec: WorkloadSpec,
    files: Files,
    companion: Companion | undefined,
    own: Pick<PodArgs, "container" | "disk"> & {
      readonly stateful: boolean;
      readonly apart: boolean;
    },
  ) {
    const election: Record<string, string> =
      own.stateful && spec.election ? { [ELECTION_LABEL]: spec.election } : {};
    return {
      metadata: {
        labels: { ...this.#labels(part), ...election },
        annotations: {
          "dujyo.io/files": files.digest,
          ...(files.generation ? { "dujyo.io/member-files": files.generation } : {}),
          ...(companion ? { [`dujyo.io/${COMPANION}-files`]: companion.files.digest } : {}),
        },
      },
      spec: {
        ...this.#pod(part, spec, files, { ...own, companion }),
        ...spread(this.#selector(part), this.#args.settings, own.apart),
        terminationGracePeriodSeconds: spec.stopGrace,
      },
    };
  }

  #service(
    part: string,
    spec: kubernetes.types.input.core.v1.ServiceSpec,
    opts: pulumi.CustomResourceOptions,
    name = part,
  ): void {
    createService({ name, spec: { ...spec, selector: this.#selector(part) }, ...this.#named(part) }, opts);
  }

  #needs(
    files: Files,
    companion: Companion | undefined,
    spec: WorkloadSpec | JobSpec,
    { after = [] }: Placement,
  ): pulumi.Resource[] {
    return [...files.secrets, ...(companion?.files.secrets ?? []), ...this.#electorsOf(spec), ...after];
  }

  #electorsOf({ election }: WorkloadSpec | JobSpec): readonly pulumi.Resource[] {
    if (election === undefined) return [];
    this.#electors ??= createElector(this.#namespace, this.#labels("elector"), this.#under(this.#ground));
    return this.#electors;
  }

  #image(name: ImageName): string {
    const { registry, digests } = this.#args.settings;
    return podImage(name, registry, digests);
  }

  #under(parent: pulumi.Resource | undefined): pulumi.CustomResourceOptions {
    return { parent, provider: this.#provider, dependsOn: this.#grounds };
  }

  get #grounds(): pulumi.Resource[] {
    return this.#ground ? [this.#ground] : [];
  }

  #named(part: string) {
    return { namespace: this.#namespace, labels: this.#labels(part) };
  }

  #selector(part: string): Record<string, string> {
    return { "app.kubernetes.io/instance": this.#args.stack, [PART_LABEL]: part };
  }

  #labels(part: string): Record<string, string> {
    return { ...this.#selector(part), "app.kubernetes.io/part-of": "dujyo" };
  }
}

/** Service that leads to no instance in particular, but tells of all. */
const instances = (part: string) => `${part}-instances`;
