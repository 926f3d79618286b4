import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
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

  /**
   * As {@link forward}, to whichever pod of a part runs.
   *
   * @throws Failure where there is none, too
   */
  async forwardToPart(namespace: string, part: string, port: number): Promise<Forwarding> {
    const [pod] = await this.podsOf(namespace, part);
    return this.forward(namespace, pod as string, port);
  }

  /**
   * Names of the pods of a part that run; one at least.
   *
   * @throws Failure where there is none, or this user may not see them
   */
  async podsOf(namespace: string, part: string): Promise<string[]> {
    const labels = `--selector=app.kubernetes.io/component=${part}`;
    const running = "--field-selector=status.phase=Running";
    const pods = await this.list<Named>(["pods", `--namespace=${namespace}`, labels, running]);
    if (!pods?.length) throw new Failure(`No pod of ${part} runs in ${namespace}, or you may not see them.`);
    return pods.map(({ metadata }) => metadata.name);
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
