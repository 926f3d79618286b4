import { postgresMembers } from "../../infra/ports.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { Failure } from "../failure.ts";
import { type Cluster, type Named, namespaceOf, reachCluster } from "./kubernetes-cluster.ts";

/** What a cluster has to have for a stack of these settings, looked at before anything is made. */

export interface StorageClass extends Named {
  readonly allowVolumeExpansion?: boolean;
}

export interface Node extends Named {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly effect: string }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** What there is on a cluster; undefined is whatever this user may not look at. */
export interface Found {
  readonly nodes: readonly Node[] | undefined;
  readonly storageClasses: readonly Named[] | undefined;
  readonly priorityClasses: readonly Named[] | undefined;
  /** Namespaces of the stack's name: one or none. */
  readonly namespaces: readonly Named[] | undefined;
  /** Names of the Secrets in it, of those that the settings name. */
  readonly secrets: readonly string[];
  /** Names of the kinds that it knows, of those that an operator brings and the stack makes objects of. */
  readonly kinds: readonly string[];
  /** What this user may not do of all that an `up` does. */
  readonly forbidden: readonly string[];
}

/** Annotation of the class that claims without one get. */
export const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";
const ZONE = "topology.kubernetes.io/zone";
const SECURITY_LEVEL = "pod-security.kubernetes.io/enforce";

/** Whether a node is ready and takes pods that tolerate nothing. */
function takesPods({ spec, status }: Node): boolean {
  const ready = status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True");
  const closed = spec?.taints?.some(({ effect }) => effect === "NoSchedule" || effect === "NoExecute");
  return ready === true && spec?.unschedulable !== true && closed !== true;
}

/**
 * What the stack needs of a cluster and this one has not.
 *
 * @returns sentences with the way out; none where all is there, or where this user may not look
 */
export function shortcomings(stack: string, settings: Settings, found: Found): string[] {
  return [
    ...found.forbidden.map(
      (action) =>
        `this user may not ${action} in namespace ${namespaceOf(stack, settings)}; get the right to.`,
    ),
    ...classShortcomings(settings, found),
    ...kindsOf(settings)
      .filter((kind) => !found.kinds.includes(kind))
      .map(
        (kind) =>
          `the cluster does not know ${kind}, which dujyo:monitoring.mode operator is about; install kube-prometheus-stack, or set it to bundled.`,
      ),
    ...(settings.kubernetes.spread === "required" ? nodeShortcomings(settings, found) : []),
    ...(settings.kubernetes.createNamespace ? [] : namespaceShortcomings(stack, settings, found)),
  ];
}

function classShortcomings({ kubernetes }: Settings, { storageClasses, priorityClasses }: Found): string[] {
  const { storageClass, dataPriority, servicePriority } = kubernetes;
  const sentences: string[] = [];
  const names = (objects: readonly Named[]) =>
    objects.map(({ metadata }) => metadata.name).join(", ") || "none";
  if (
    storageClasses &&
    storageClass !== "" &&
    !storageClasses.some(({ metadata }) => metadata.name === storageClass)
  )
    sentences.push(
      `dujyo:kubernetes.storageClass is "${storageClass}", which the cluster does not have; it has: ${names(storageClasses)}.`,
    );
  if (
    storageClasses &&
    storageClass === "" &&
    !storageClasses.some(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === "true")
  )
    sentences.push(
      `the cluster has no default storage class; set dujyo:kubernetes.storageClass to one of: ${names(storageClasses)}.`,
    );
  for (const name of new Set([dataPriority, servicePriority].filter((at) => at !== "")))
    if (priorityClasses && !priorityClasses.some(({ metadata }) => metadata.name === name))
      sentences.push(`the cluster has no priority class "${name}"; it has: ${names(priorityClasses)}.`);
  return sentences;
}

/** What needs a node for each of several members, where spreading is required, and the setting that says how many. */
function apartParts(settings: Settings): { what: string; members: number; setting: string }[] {
  return [
    { what: "PostgreSQL", members: postgresMembers(settings), setting: "postgres.replicas" },
    {
      what: "a shard of Redis",
      members: settings.redis.replicasPerShard + 1,
      setting: "redis.replicasPerShard",
    },
  ];
}

function nodeShortcomings(settings: Settings, { nodes }: Found): string[] {
  if (nodes === undefined) return [];
  const { zones } = settings.kubernetes;
  const sentences: string[] = [];
  const usable = nodes.filter(takesPods);
  const there = new Set(usable.flatMap(({ metadata }) => metadata.labels?.[ZONE] ?? []));
  if (zones > 1 && there.size < zones)
    sentences.push(
      `dujyo:kubernetes.zones is ${zones}, and the cluster's nodes are in ${there.size}; lower it, or add nodes in other zones.`,
    );
  const short = apartParts(settings).filter(({ members }) => usable.length < members);
  if (short.length > 0)
    sentences.push(
      `members go to nodes of their own, and the cluster has ${usable.length} of ${nodes.length} nodes that are ready and take pods: ` +
        `${short.map(({ what, members, setting }) => `${what} takes ${members} (dujyo:${setting})`).join(", ")}; ` +
        'add nodes, lower those settings, or set dujyo:kubernetes.spread to "preferred".',
    );
  return sentences;
}

function namespaceShortcomings(stack: string, settings: Settings, { namespaces, secrets }: Found): string[] {
  const name = namespaceOf(stack, settings);
  if (namespaces === undefined) return [];
  const labels = namespaces[0]?.metadata.labels;
  if (namespaces.length === 0)
    return [
      `there is no namespace ${name}, and dujyo:kubernetes.createNamespace is false; make it: kubectl create namespace ${name}.`,
    ];
  const missing = secretsOf(settings).filter((secret) => !secrets.includes(secret));
  return [
    ...(labels?.[SECURITY_LEVEL] === "restricted"
      ? []
      : [
          `namespace ${name} does not enforce Pod Security's level restricted; kubectl label namespace ${name} ${SECURITY_LEVEL}=restricted.`,
        ]),
    ...missing.map(
      (secret) => `namespace ${name} has no Secret "${secret}", which the settings name; make it there.`,
    ),
  ];
}

/** Secrets that others put into the stack's namespace. */
function secretsOf({ kubernetes }: Settings): string[] {
  return [kubernetes.pullSecret, kubernetes.ingress.tlsSecret].filter((name) => name !== "");
}

/** Kinds of object that the Prometheus Operator brings and an `up` makes. */
function kindsOf({ monitoring }: Settings): string[] {
  return monitoring.enabled && monitoring.mode === "operator"
    ? ["prometheusrules.monitoring.coreos.com", "servicemonitors.monitoring.coreos.com"]
    : [];
}

/** What an `up` makes, in the words of {@link Cluster.forbidden}. */
const MAKES = [
  "configmaps",
  "deployments.apps",
  "jobs.batch",
  "networkpolicies.networking.k8s.io",
  "persistentvolumeclaims",
  "poddisruptionbudgets.policy",
  "rolebindings.rbac.authorization.k8s.io",
  "roles.rbac.authorization.k8s.io",
  "secrets",
  "serviceaccounts",
  "services",
  "statefulsets.apps",
].map((what) => `create ${what}`);

/**
 * Looks at the cluster before anything is created.
 *
 * @throws Failure where it does not answer, or lacks what the stack needs
 */
export async function requireCluster(stack: string, settings: Settings): Promise<Cluster> {
  const { createNamespace } = settings.kubernetes;
  const cluster = await reachCluster(settings);
  const namespace = namespaceOf(stack, settings);
  const makes = [...MAKES, ...kindsOf(settings).map((kind) => `create ${kind}`)];
  const [nodes, storageClasses, priorityClasses, namespaces, secrets, kinds, forbidden] = await Promise.all([
    cluster.list<Node>(["nodes"]),
    cluster.list<Named>(["storageclasses"]),
    cluster.list<Named>(["priorityclasses"]),
    cluster.list<Named>(["namespaces", `--field-selector=metadata.name=${namespace}`]),
    cluster.secrets(secretsOf(settings), namespace),
    cluster.kinds(kindsOf(settings)),
    cluster.forbidden([...(createNamespace ? ["create namespaces"] : []), ...makes], namespace),
  ]);
  const found = { nodes, storageClasses, priorityClasses, namespaces, secrets, kinds, forbidden };
  const lacking = shortcomings(stack, settings, found);
  if (lacking.length > 0)
    throw new Failure(
      [
        "The cluster can not carry this stack; nothing was created:",
        ...lacking.map((line) => `  ${line}`),
      ].join("\n"),
    );
  return cluster;
}
