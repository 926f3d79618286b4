import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Socket } from "node:net";
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
  /** When it is no more: closed, or its pod gone, or a session of it broken off. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Label of every object of a stack: the stack's name. */
export const STACK_LABEL = "app.kubernetes.io/instance";

/** Programs that forward ports: they end with this process. */
const forwarders = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of forwarders) child.kill();
});

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

  /** The official client's own command line, for whoever runs it otherwise. */
  commandLine(args: readonly string[]): readonly [program: string, args: readonly string[]] {
    const { client, context } = this.#client();
    return [client, [...context, ...args]];
  }

  /**
   * Leads a port of this machine's loopback interface to one of a pod, until it is closed or this process ends. It does not
   * keep the process running.
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
    forwarders.add(child);
    const ended = new Promise<void>((resolve) => {
      child.once("close", () => {
        forwarders.delete(child);
        resolve();
      });
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = text;
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
    for (const handle of [child, child.stdout as Socket, child.stderr as Socket]) handle.unref();
    return { port: Number(local), ended, close };
  }

  /**
   * As {@link forward}, to whichever pod of a part runs; to one that is ready, if any is.
   *
   * @throws Failure where there is none, too
   */
  async forwardToPart(namespace: string, part: string, port: number): Promise<Forwarding> {
    const [pod] = await this.podsOf(namespace, part);
    return this.forward(namespace, pod as string, port);
  }

  /**
   * Names of the pods of a part that run, those that are ready first; one at least.
   *
   * @throws Failure where there is none, or this user may not see them
   */
  async podsOf(namespace: string, part: string): Promise<string[]> {
    const labels = `--selector=app.kubernetes.io/component=${part}`;
    const running = "--field-selector=status.phase=Running";
    const found = await this.list<RunningPod>(["pods", `--namespace=${namespace}`, labels, running]);
    const pods = found?.filter(({ metadata }) => metadata.deletionTimestamp === undefined) ?? [];
    if (pods.length === 0)
      throw new Failure(`No pod of ${part} runs in ${namespace}, or you may not see them.`);
    return pods
      .sort((one, other) => Number(isReady(other)) - Number(isReady(one)))
      .map(({ metadata }) => metadata.name);
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

  /**
   * Reads the files of a Secret of the program's.
   *
   * @returns what gives the text of one by its key; empty where there is no such
   * @throws Failure where there is none, or this user may not read it
   */
  async secretFiles(namespace: string, name: string): Promise<(key: string) => string> {
    const where = [`--namespace=${namespace}`, `--field-selector=metadata.name=${name}`];
    const found = await this.list<{ readonly data: Readonly<Record<string, string>> }>(["secrets", ...where]);
    if (!found?.[0])
      throw new Failure(
        `There is no Secret ${name} in ${namespace}, or you may not read it: it has what the stack's own Prometheus shows to the ` +
          "parts that it reads. Where monitoring.mode is operator, ask the Prometheus that the cluster has.",
      );
    const { data } = found[0];
    return (key) => Buffer.from(data[key] ?? "", "base64").toString();
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

  /**
   * Which of these this user may not do; each is a verb, a resource and its API group, such as `create jobs.batch`, or a part
   * of a resource, such as `create pods/portforward`.
   */
  async forbidden(actions: readonly string[], namespace: string): Promise<string[]> {
    // The question that "kubectl auth can-i" asks, for all of them at once.
    const items = actions.map((action) => {
      const [verb, what = ""] = action.split(" ");
      const [whole = "", ...group] = what.split(".");
      const [resource, subresource = ""] = whole.split("/");
      return {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: { verb, resource, subresource, group: group.join("."), namespace } },
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

interface RunningPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isReady({ status }: RunningPod): boolean {
  return status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false;
}

/** What the client said last; where it was ended instead, after how many seconds. */
export function lastLine({ stderr, timedOut }: Result, seconds = CLIENT_SECONDS): string {
  return timedOut ? `no answer within ${seconds} s` : (stderr.trim().split("\n").at(-1) ?? "");
}

export interface Named {
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** Name of the namespace that a stack is in. */
export function namespaceOf(stack: string, { kubernetes }: Settings): string {
  return kubernetes.namespace || `dujyo-${stack}`;
}

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
