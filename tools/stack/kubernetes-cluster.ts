import { existsSync } from "node:fs";
import { postgresMembers } from "../../infra/ports.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { program } from "../cluster/programs.ts";
import { Failure } from "../failure.ts";
import { run } from "../process.ts";

/** Longest wait for the cluster's answer, seconds. */
const ANSWER_SECONDS = 10;

/** Asks the cluster that the settings name, with the user's own kubeconfig. */
export class Cluster {
  readonly #context: string;

  constructor(context: string) {
    this.#context = context;
  }

  /** Runs the official client, whatever its exit code. */
  kubectl(args: readonly string[], input?: string) {
    const context = this.#context === "" ? [] : ["--context", this.#context];
    const client = existsSync(program("kubectl")) ? program("kubectl") : "kubectl";
    return run(client, [...context, `--request-timeout=${ANSWER_SECONDS}s`, ...args], { input });
  }

  /** Objects of a kind; undefined where this user may not see them. */
  async list<T>(args: readonly string[]): Promise<T[] | undefined> {
    const result = await this.kubectl(["get", ...args, "--output=json"]);
    if (result.code === 0) return (JSON.parse(result.stdout) as { items: T[] }).items;
    return undefined;
  }
}

interface Named {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";
const ZONE = "topology.kubernetes.io/zone";

/**
 * What the stack needs of a cluster and this one has not.
 *
 * @returns sentences with the way out; none where all is there, or where this user may not look
 */
export function shortcomings(
  settings: Settings,
  found: {
    readonly nodes: readonly Named[] | undefined;
    readonly storageClasses: readonly Named[] | undefined;
    readonly priorityClasses: readonly Named[] | undefined;
  },
): string[] {
  const { storageClass, zones, spread, dataPriority, servicePriority } = settings.kubernetes;
  const { nodes, storageClasses, priorityClasses } = found;
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
  if (nodes && spread === "required") {
    const there = new Set(nodes.flatMap(({ metadata }) => metadata.labels?.[ZONE] ?? []));
    if (zones > 1 && there.size < zones)
      sentences.push(
        `dujyo:kubernetes.zones is ${zones}, and the cluster's nodes are in ${there.size}; lower it, or add nodes in other zones.`,
      );
    if (nodes.length < Math.min(2, postgresMembers(settings)))
      sentences.push(
        `the cluster has ${nodes.length} node, which spreads nothing; add nodes, or set dujyo:kubernetes.spread to "preferred".`,
      );
  }
  return sentences;
}

/**
 * Looks at the cluster before anything is created.
 *
 * @throws Failure where it does not answer, or lacks what the stack needs
 */
export async function requireCluster(settings: Settings): Promise<Cluster> {
  const { context } = settings.kubernetes;
  const cluster = new Cluster(context);
  const answer = await cluster.kubectl(["version"]);
  if (answer.code !== 0)
    throw new Failure(
      `The cluster of ${context === "" ? "the current context" : `context "${context}"`} does not answer: ` +
        `${answer.stderr.trim().split("\n").at(-1)}. Set KUBECONFIG and dujyo:kubernetes.context to one that does. Nothing was created.`,
    );
  const [nodes, storageClasses, priorityClasses] = await Promise.all([
    cluster.list<Named>(["nodes"]),
    cluster.list<Named>(["storageclasses"]),
    cluster.list<Named>(["priorityclasses"]),
  ]);
  const lacking = shortcomings(settings, { nodes, storageClasses, priorityClasses });
  if (lacking.length > 0)
    throw new Failure(
      [
        "The cluster can not carry this stack; nothing was created:",
        ...lacking.map((line) => `  ${line}`),
      ].join("\n"),
    );
  return cluster;
}
