import { Failure } from "../failure.ts";
import type { Step } from "../setup/progress.ts";
import { type Cluster, type Named, STACK_LABEL } from "./kubernetes-cluster.ts";
import type { Pulumi } from "./pulumi.ts";
import { identityOf, resourcesOf, type Snapshot, type StateResource } from "./snapshot.ts";

const IDENTITY_LABEL = "dujyo.io/identity";
const NAMESPACE = "kubernetes:core/v1:Namespace";
const CLAIM = "kubernetes:core/v1:PersistentVolumeClaim";

/** What a stack has on a cluster that tells whose it is. */
export interface Holdings {
  /** Namespaces of the stack's name: one or none. */
  readonly namespaces: readonly Named[];
  /** Claims in it that carry the stack's name. */
  readonly claims: readonly Named[];
}

/** Looks for what carries the stack's name; whatever this user may not see is taken for none. */
export async function holdingsOf(cluster: Cluster, stack: string, namespace: string): Promise<Holdings> {
  const [namespaces, claims] = await Promise.all([
    cluster.list<Named>(["namespaces", `--field-selector=metadata.name=${namespace}`]),
    cluster.list<Named>([
      "persistentvolumeclaims",
      `--namespace=${namespace}`,
      `--selector=${STACK_LABEL}=${stack}`,
    ]),
  ]);
  return { namespaces: namespaces ?? [], claims: claims ?? [] };
}

function uidOf({ outputs }: StateResource): string | undefined {
  return (outputs?.metadata as { uid?: string } | undefined)?.uid;
}

/**
 * Refuses to work with a state and a cluster that do not belong together: on what another state made under the same name,
 * whose volumes open with secrets that only that state has; and with a state that was made on another cluster.
 *
 * @throws Failure naming the objects and the ways out
 */
export function refuseForeignCluster(stack: string, snapshot: Snapshot | undefined, found: Holdings): void {
  const own = identityOf(snapshot);
  const foreign = found.claims.filter(
    ({ metadata }) => own === undefined || metadata.labels?.[IDENTITY_LABEL] !== own,
  );
  if (foreign.length > 0)
    throw new Failure(
      [
        `The cluster has volumes of a stack "${stack}" that belongs to another state: ` +
          `${foreign.map(({ metadata }) => metadata.name).join(", ")}.`,
        "This state has no secrets to open them with. Nothing was changed. Either",
        "  - work where they were made: that clone's .dujyo folder (or that backend) has their state; or",
        "  - give them up with all their data, and repeat: delete their namespace (kubectl delete namespace).",
      ].join("\n"),
    );
  const known = resourcesOf(snapshot).filter(({ type }) => type === NAMESPACE || type === CLAIM);
  const expected = known.flatMap((resource) => uidOf(resource) ?? []);
  const live = new Set([...found.namespaces, ...found.claims].map(({ metadata }) => metadata.uid));
  if (expected.length === 0 || expected.some((uid) => live.has(uid))) return;
  throw new Failure(
    [
      `The state of stack "${stack}" was made on another cluster: this one has none of its ${expected.length} volumes and namespaces.`,
      "Nothing was changed. Either",
      "  - set KUBECONFIG and dujyo:kubernetes.context to the cluster that it was made on; or",
      "  - give the stack up where that cluster is gone, and repeat:",
      `      pulumi stack rm ${stack} --force --preserve-config     (environment: npm run connect -- --stack ${stack})`,
    ].join("\n"),
  );
}

/** The object that a resource of the state stands for, as the client names it; undefined for what is no such object. */
export function objectOf({
  type,
  inputs,
}: StateResource): { kind: string; name: string; namespace?: string } | undefined {
  const [, group = "", kind] = /^kubernetes:([^:]+):(\w+)$/.exec(type) ?? [];
  const metadata = inputs?.metadata as { name?: string; namespace?: string } | undefined;
  if (kind === undefined || !metadata?.name) return undefined;
  const [api = "", version = ""] = group.split("/");
  const where = api === "core" ? "" : `.${version}.${api}`;
  return { kind: `${kind}${where}`, name: metadata.name, namespace: metadata.namespace };
}

/**
 * The state after a run that was cut off: what the run had created before it could write that down is taken over, so that
 * the next one does not stop at "already exists".
 *
 * @param exists whether the cluster has the object of a resource
 */
export function withoutCutOff(snapshot: Snapshot, exists: (resource: StateResource) => boolean): Snapshot {
  const { pending_operations: pending = [], ...deployment } = snapshot.deployment;
  const known = new Set(resourcesOf(snapshot).map(({ urn, id }) => `${urn} ${id}`));
  const created = pending
    .filter(({ type, resource }) => type === "creating" && exists(resource))
    .map(({ resource }) => ({ ...resource, id: idOf(resource) }))
    .filter(({ urn, id }) => !known.has(`${urn} ${id}`));
  return {
    ...snapshot,
    deployment: { ...deployment, resources: [...resourcesOf(snapshot), ...created] },
  };
}

/** As the provider forms it. */
function idOf(resource: StateResource): string {
  const object = objectOf(resource);
  return [object?.namespace, object?.name].filter(Boolean).join("/");
}

interface Job extends Named {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Brings the state and the cluster together again, so that the engine's next run finds what it expects. */
export async function healOnKubernetes(
  step: Step,
  cluster: Cluster,
  pulumi: Pulumi,
  snapshot: Snapshot,
  namespace: string,
): Promise<void> {
  const pending = snapshot.deployment.pending_operations ?? [];
  const stale = new Set<string>();
  if (pending.length > 0) {
    step.note(`clearing ${pending.length} operations that were cut off`);
    const there = new Set<string>();
    for (const { resource } of pending) if (await isThere(cluster, resource)) there.add(resource.urn);
    await pulumi.import(withoutCutOff(snapshot, ({ urn }) => there.has(urn)));
    for (const { resource } of pending) if (objectOf(resource)) stale.add(resource.urn);
  }
  for (const urn of await removeFailedJobs(step, cluster, pulumi, snapshot, namespace)) stale.add(urn);
  const known = new Set(
    resourcesOf(stale.size > 0 ? await pulumi.export() : undefined).map(({ urn }) => urn),
  );
  const targets = [...stale].filter((urn) => known.has(urn)).flatMap((urn) => ["--target", urn]);
  if (targets.length > 0)
    await pulumi.mustRun(
      ["refresh", "--yes", "--skip-preview", "--suppress-outputs", "--stack", pulumi.stack, ...targets],
      {
        onLine: step.line,
      },
    );
}

async function isThere(cluster: Cluster, resource: StateResource): Promise<boolean> {
  const object = objectOf(resource);
  if (object === undefined) return false;
  const where = object.namespace ? [`--namespace=${object.namespace}`] : [];
  return (await cluster.kubectl(["get", object.kind, object.name, ...where, "--output=name"])).code === 0;
}

/** A job that failed would fail the next run as well, since it is not run again by itself. Returns their URNs. */
async function removeFailedJobs(
  step: Step,
  cluster: Cluster,
  pulumi: Pulumi,
  snapshot: Snapshot,
  namespace: string,
): Promise<string[]> {
  const jobs = await cluster.list<Job>([
    "jobs.batch",
    `--namespace=${namespace}`,
    `--selector=${STACK_LABEL}=${pulumi.stack}`,
  ]);
  const failed = (jobs ?? [])
    .filter(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === "Failed" && is === "True"),
    )
    .map(({ metadata }) => metadata.name);
  if (failed.length === 0) return [];
  step.note(`jobs that failed are run again: ${failed.join(", ")}`);
  const result = await cluster.kubectl(
    ["delete", "jobs.batch", `--namespace=${namespace}`, ...failed],
    undefined,
    120,
  );
  if (result.code !== 0) throw new Failure(`kubectl delete job: ${result.stderr.trim()}`);
  return resourcesOf(snapshot)
    .filter((resource) => failed.includes(objectOf(resource)?.name ?? "") && resource.type.endsWith(":Job"))
    .map(({ urn }) => urn);
}
