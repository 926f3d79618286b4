import { Failure } from "../tools/failure.ts";
import type { Result } from "../tools/process.ts";
import { type Cluster, STACK_LABEL } from "../tools/stack/kubernetes-cluster.ts";
import type { LogOptions, Member } from "./inventory.ts";
import type { Platform } from "./platform.ts";

/** A pod, as far as it tells what a member is and how it does. */
interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly restartCount: number;
      readonly state: Readonly<Record<string, { readonly reason?: string }>>;
    }[];
  };
}

const PART = "app.kubernetes.io/component";
/** Longest wait for the node to start a container again that has ended; it makes one that ends often wait. */
const START_SECONDS = 60;

/** Members are pods of the stack's namespace, found by the labels that the program puts on them. */
export class KubernetesInventory implements Platform {
  readonly #cluster: Cluster;
  readonly #stack: string;
  readonly #namespace: string;

  constructor(cluster: Cluster, stack: string, namespace: string) {
    this.#cluster = cluster;
    this.#stack = stack;
    this.#namespace = namespace;
  }

  async members(): Promise<Member[]> {
    const selector = `--selector=${STACK_LABEL}=${this.#stack},${PART}`;
    const pods = await this.#cluster.list<Pod>(["pods", `--namespace=${this.#namespace}`, selector]);
    if (!pods)
      throw new Failure(
        `This user may not list pods in the namespace "${this.#namespace}"; ask for that right.`,
      );
    return pods
      .filter(({ metadata }) => !metadata.ownerReferences?.some(({ kind }) => kind === "Job"))
      .map(memberOf)
      .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  }

  exec(member: Member, command: readonly string[], timeout: number): Promise<Result> {
    return this.#inNamespace(["exec", member.name, `--container=${member.part}`, "--", ...command], {
      timeout,
    });
  }

  logs(member: Member, { tail, follow }: LogOptions, onLine: (line: string) => void): Promise<Result> {
    const options = [`--tail=${tail}`, ...(follow ? ["--follow"] : [])];
    return this.#inNamespace(["logs", member.name, `--container=${member.part}`, ...options], {
      onLine,
      discard: true,
    });
  }

  /** The container ends by itself, and the node starts it again in the same pod: it keeps its name and its disk. */
  async restart(member: Member, grace: number): Promise<void> {
    const before = await this.#restarts(member);
    const ended = await this.exec(member, ["/bin/sh", "-c", "kill -TERM 1"], 10_000);
    if (ended.code !== 0) throw new Failure(`${member.name} could not be stopped: ${ended.stderr.trim()}.`);
    const deadline = Date.now() + (grace + START_SECONDS) * 1_000;
    while ((await this.#restarts(member)) === before) {
      if (Date.now() > deadline)
        throw new Failure(
          `${member.name} has not been started again after ${grace + START_SECONDS} s; see ` +
            `"kubectl --namespace ${this.#namespace} describe pod ${member.name}".`,
        );
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** How often the container has been started again, counted when it runs. */
  async #restarts({ name, part }: Member): Promise<number> {
    const result = await this.#inNamespace(["get", "pod", name, "--output=json"], { timeout: 10_000 });
    if (result.code !== 0) throw new Failure(`${name} can not be looked at: ${result.stderr.trim()}.`);
    return ownContainer(JSON.parse(result.stdout) as Pod, part)?.restartCount ?? 0;
  }

  #inNamespace(args: readonly string[], options: Parameters<Cluster["run"]>[1]): Promise<Result> {
    return this.#cluster.run([`--namespace=${this.#namespace}`, ...args], options);
  }
}

/** The container that the pod is there for: it is called after the part, others stand beside it. */
function ownContainer({ status }: Pod, part: string) {
  return status.containerStatuses?.find(({ name }) => name === part);
}

function memberOf(pod: Pod): Member {
  const { metadata, status } = pod;
  const part = metadata.labels[PART] ?? "";
  const container = ownContainer(pod, part);
  const [state = "waiting", why] = Object.entries(container?.state ?? {})[0] ?? [];
  const leaving = metadata.deletionTimestamp !== undefined;
  return {
    name: metadata.name,
    part,
    running: state === "running" && !leaving,
    state: leaving ? "terminating" : (why?.reason ?? state),
    ...(status.podIP ? { address: status.podIP } : {}),
  };
}
