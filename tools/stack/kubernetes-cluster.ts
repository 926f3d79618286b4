import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { postgresMembers } from "../../infra/ports.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { program } from "../cluster/programs.ts";
import { Failure } from "../failure.ts";
import { type Result, type RunOptions, run } from "../process.ts";

/** Longest wait for one answer of the cluster, seconds. */
const ANSWER_SECONDS = 10;
/** Longest wait for the client itself, which may ask several times, and a credential helper of the user's before. */
const CLIENT_SECONDS = 60;

/** Exit code of a program that was not found. */
const NOT_FOUND = 127;

/** A port of this machine's loopback interface that leads into a cluster. */
export interface Forwarding {
  readonly port: number;
  close(): void;
}

/** Asks the cluster that the settings name, with the user's own kubeconfig. */
export class Cluster {
  readonly #context: string;

  constructor(context: string) {
    this.#context = context;
  }

  /**
   * Runs the official client, whatever its exit code.
   *
   * @param input what it reads from its standard input
   * @param seconds after which it is ended; commands that wait for something take longer than others
   * @throws Failure where there is no client
   */
  async kubectl(args: readonly string[], input?: string, seconds = CLIENT_SECONDS): Promise<Result> {
    const limits = seconds > CLIENT_SECONDS ? [] : [`--request-timeout=${ANSWER_SECONDS}s`];
    return this.run([...limits, ...args], { input, timeout: seconds * 1_000 });
  }

  /**
   * Runs the official client for as long as the cluster takes to answer: what runs in a pod, or a log.
   *
   * @throws Failure where there is no client
   */
  async run(args: readonly string[], options: RunOptions): Promise<Result> {
    const { client, context } = this.#client();
    const result = await run(client, [...context, ...args], options);
    if (result.code === NOT_FOUND)
      throw new Failure(
        "kubectl was not found on PATH. Install it (https://kubernetes.io/docs/tasks/tools), and repeat.",
      );
    return result;
  }

  /**
   * Leads a port of this machine's loopback interface to one of a pod, until it is closed or this process ends.
   *
   * @throws Failure where there is no client, or it gives up
   */
  async forward(namespace: string, pod: string, port: number): Promise<Forwarding> {
    const { client, context } = this.#client();
    const where = [`--namespace=${namespace}`, "--address=127.0.0.1", `pod/${pod}`, `:${port}`];
    const child = spawn(client, [...context, "port-forward", ...where], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const close = () => void child.kill();
    process.once("exit", close);
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const local = await new Promise<string | undefined>((resolve) => {
      child.on("error", () => resolve(undefined));
      child.on("close", () => resolve(undefined));
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const [, forwarded] = /^Forwarding from 127\.0\.0\.1:(\d+)/m.exec(text) ?? [];
        if (forwarded !== undefined) resolve(forwarded);
      });
    });
    if (local === undefined)
      throw new Failure(`kubectl port-forward pod/${pod} ${port}: ${said.trim() || "kubectl was not found"}`);
    return { port: Number(local), close };
  }

  #client(): { readonly client: string; readonly context: readonly string[] } {
    return {
      client: existsSync(program("kubectl")) ? program("kubectl") : "kubectl",
      context: this.#context === "" ? [] : ["--context", this.#context],
    };
  }

  /**
   * Objects of a kind; undefined where this user may not see them.
   *
   * @throws Failure where the cluster does not answer
   */
  async list<T>(args: readonly string[]): Promise<T[] | undefined> {
    const result = await this.kubectl(["get", ...args, "--output=json"]);
    if (result.code === 0) return (JSON.parse(result.stdout) as { items: T[] }).items;
    if (/forbidden/i.test(result.stderr)) return undefined;
    throw new Failure(`kubectl get ${args.join(" ")}: ${lastLine(result)}`);
  }

  /** Which of these Secrets a namespace has; one that this user may not look at counts as there. */
  async secrets(names: readonly string[], namespace: string): Promise<string[]> {
    return this.#present("secret", names, [`--namespace=${namespace}`]);
  }

  /** Which of these further kinds of object the cluster knows; one that this user may not look at counts as known. */
  async kinds(names: readonly string[]): Promise<string[]> {
    return this.#present("customresourcedefinition", names, []);
  }

  async #present(kind: string, names: readonly string[], where: readonly string[]): Promise<string[]> {
    const found = await Promise.all(
      names.map(async (name) => {
        const result = await this.kubectl(["get", kind, name, ...where, "--output=name"]);
        return result.code === 0 || /forbidden/i.test(result.stderr);
      }),
    );
    return names.filter((_, index) => found[index]);
  }

  /** Which of these this user may not do; each is a verb, a resource and its API group, such as `create jobs.batch`. */
  async forbidden(actions: readonly string[], namespace: string): Promise<string[]> {
    // The question that "kubectl auth can-i" asks, for all of them at once.
    const items = actions.map((action) => {
      const [verb, what = ""] = action.split(" ");
      const [resource, ...group] = what.split(".");
      return {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: { verb, resource, group: group.join("."), namespace } },
      };
    });
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    const result = await this.kubectl(
      ["create", "--validate=false", `--output=jsonpath={.status.allowed}{"\\n"}`, "--filename=-"],
      list,
    );
    if (result.code !== 0) throw new Failure(`kubectl auth can-i: ${lastLine(result)}`);
    const answers = result.stdout.split("\n");
    return actions.filter((_, index) => answers[index] !== "true");
  }
}

function lastLine({ stderr, timedOut }: Result): string {
  return timedOut ? `no answer within ${CLIENT_SECONDS} s` : (stderr.trim().split("\n").at(-1) ?? "");
}

export interface Named {
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

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

/** Name of the namespace that a stack is in. */
export function namespaceOf(stack: string, { kubernetes }: Settings): string {
  return kubernetes.namespace || `dujyo-${stack}`;
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
  const members = Math.max(postgresMembers(settings), settings.redis.replicasPerShard + 1);
  if (usable.length < members)
    sentences.push(
      `${members} members go to nodes of their own, and the cluster has ${usable.length} of ${nodes.length} nodes that are ready and take pods; ` +
        'add nodes, lower dujyo:postgres.replicas, or set dujyo:kubernetes.spread to "preferred".',
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
 * The cluster that the settings name.
 *
 * @throws Failure where it does not answer
 */
export async function reachCluster({ kubernetes }: Settings): Promise<Cluster> {
  const { context } = kubernetes;
  const cluster = new Cluster(context);
  const answer = await cluster.kubectl(["version"]);
  if (answer.code === 0) return cluster;
  throw new Failure(
    `The cluster of ${context === "" ? "the current context" : `context "${context}"`} does not answer: ` +
      `${lastLine(answer)}. Set KUBECONFIG and dujyo:kubernetes.context to one that does. Nothing was changed.`,
  );
}

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
