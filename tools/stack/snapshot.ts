/** One resource of a stack as `pulumi stack export` shows it. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  /** Physical identity; absent for components. */
  readonly id?: string;
  readonly parent?: string;
  readonly dependencies?: readonly string[];
  /** When it was made, RFC 3339. */
  readonly created?: string;
  /** What the program asked for. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** What it told about itself. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** Whether the engine refuses to delete it. */
  readonly protect?: boolean;
  /** Whether it is a leftover of a replacement that is still to be deleted. */
  readonly delete?: boolean;
}

/** The parts of an exported stack that are looked at here; all the rest passes through unchanged. */
export interface Snapshot {
  readonly version: number;
  readonly deployment: {
    readonly resources?: readonly StateResource[];
    readonly pending_operations?: readonly { readonly resource: StateResource; readonly type: string }[];
  };
}

const IDENTITY = "pulumi-nodejs:dynamic/secrets:Identity";
const CONTAINER = "docker:index/container:Container";
const NETWORK = "docker:index/network:Network";
const VOLUME = "docker:index/volume:Volume";
const JOB = "pulumi-nodejs:dynamic/docker:Run";
const CLAIM = "kubernetes:core/v1:PersistentVolumeClaim";
const SECRETS = "pulumi-nodejs:dynamic/secrets:";

export function resourcesOf(snapshot: Snapshot | undefined): readonly StateResource[] {
  return snapshot?.deployment.resources ?? [];
}

/** UUID that the volumes of this state carry; undefined before the first `up`. */
export function identityOf(snapshot: Snapshot | undefined): string | undefined {
  return resourcesOf(snapshot).find(({ type }) => type === IDENTITY)?.id;
}

export function containersOf(snapshot: Snapshot | undefined): StateResource[] {
  return resourcesOf(snapshot).filter(({ type }) => type === CONTAINER);
}

export function networksOf(snapshot: Snapshot | undefined): StateResource[] {
  return resourcesOf(snapshot).filter(({ type }) => type === NETWORK);
}

export function volumesOf(snapshot: Snapshot | undefined): StateResource[] {
  return resourcesOf(snapshot).filter(({ type }) => type === VOLUME);
}

/** Jobs: they put into volumes what belongs there. Each once, and none that a replacement has left behind. */
export function jobsOf(snapshot: Snapshot | undefined): StateResource[] {
  return resourcesOf(snapshot).filter(({ type, delete: leftover }) => type === JOB && !leftover);
}

/** The snapshot without operations that were going on when a run was cut off. */
export function withoutPending(snapshot: Snapshot): Snapshot {
  const { pending_operations: _, ...deployment } = snapshot.deployment;
  return { ...snapshot, deployment };
}

/**
 * What to destroy so that data, and the secrets that open it, stay: everything but volumes, generated secrets, and
 * whatever those stand on (their parents, dependencies and providers).
 *
 * @returns URNs, each once
 */
export function destroyableUrns(snapshot: Snapshot): string[] {
  const resources = resourcesOf(snapshot);
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const kept = new Set<string>();
  const keep = (urn: string | undefined): void => {
    const resource = urn === undefined ? undefined : byUrn.get(urn);
    if (!resource || kept.has(resource.urn)) return;
    kept.add(resource.urn);
    keep(resource.parent);
    for (const dependency of resource.dependencies ?? []) keep(dependency);
  };
  for (const { urn, type } of resources)
    if (type === VOLUME || type === CLAIM || type.startsWith(SECRETS) || type.startsWith("pulumi:"))
      keep(urn);
  return [...new Set(resources.map(({ urn }) => urn).filter((urn) => !kept.has(urn)))];
}
