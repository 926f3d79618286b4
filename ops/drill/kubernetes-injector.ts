import { Failure } from "../../tools/failure.ts";
import type { Cluster } from "../../tools/stack/kubernetes-cluster.ts";
import type { Inventory, Member } from "../inventory.ts";
import type { Injector } from "./injector.ts";
import { type ProcessName, type Signal, signalAllCommand, signalCommand } from "./processes.ts";

/** While this quota is there, nobody makes a pod in the namespace: those that are gone stay away. */
const QUOTA = "dujyo-drill";
/** Set and taken away to have the set's controller look at its pods now: by itself it waits longer after each refusal. */
const NUDGE = "dujyo.io/drill-healed";

const ANSWER_MILLISECONDS = 20_000;
/** What a shell ends with whose container has ended under it. */
const KILLED = 137;

/** Breaks members of a stack on Kubernetes by what a user of its namespace may do. Nodes and networks are not changed. */
export class KubernetesInjector implements Injector {
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #inventory: Inventory;

  constructor(cluster: Cluster, namespace: string, inventory: Inventory) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#inventory = inventory;
  }

  async networkObstacle(): Promise<string> {
    return "a pod's network is changed from its node, where nobody who may use the namespace alone has a right";
  }

  async absenceObstacle(): Promise<string | undefined> {
    const actions = [
      "create resourcequotas",
      "delete resourcequotas",
      "delete pods",
      "patch statefulsets.apps",
    ];
    const lacking = await this.#cluster.forbidden(actions, this.#namespace);
    return lacking.length === 0
      ? undefined
      : `keeping a pod away takes a quota, and this user may not ${lacking.join(", ")} in the namespace`;
  }

  /** Kept away are all pods that are gone, until one of them is started. */
  async kill(member: Member): Promise<void> {
    await this.#forbidPods();
    // As when a node goes: without the signal that a deleted pod gets to finish.
    await this.signal(member, "main", "KILL");
    await this.#must(["delete", "pod", member.name, "--grace-period=0", "--force", "--wait=false"]);
  }

  async start(member: Member): Promise<void> {
    await this.#permitPods();
    await this.#nudge(member.part);
  }

  async freeze(member: Member): Promise<void> {
    await this.#send(member, signalAllCommand("STOP"));
  }

  async thaw(member: Member): Promise<void> {
    // One that is not there, or not frozen, is an error to the cluster or its shell, and none here.
    await this.#inventory.exec(member, signalAllCommand("CONT"), ANSWER_MILLISECONDS);
  }

  async signal(member: Member, process: ProcessName, signal: Signal): Promise<void> {
    const command = signalCommand(process, signal);
    // The process may have ended meanwhile, or been ended for not answering.
    if (signal === "CONT") await this.#inventory.exec(member, command, ANSWER_MILLISECONDS);
    else await this.#send(member, command);
  }

  async cut(): Promise<void> {
    throw new Failure(await this.networkObstacle());
  }

  async lose(): Promise<void> {
    throw new Failure(await this.networkObstacle());
  }

  async slow(): Promise<void> {
    throw new Failure(await this.networkObstacle());
  }

  async mend(): Promise<void> {
    // No network is ever changed.
  }

  async healAll(members: readonly Member[]): Promise<void> {
    await this.#permitPods();
    for (const part of new Set(members.map(({ part }) => part))) await this.#nudge(part);
    await Promise.all(members.map((member) => this.thaw(member)));
  }

  async #forbidPods(): Promise<void> {
    const quota = {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: QUOTA, namespace: this.#namespace },
      spec: { hard: { pods: "0" } },
    };
    await this.#must(["apply", "--filename=-"], JSON.stringify(quota));
    // In force once its controller has counted.
    const counted = ["--for=jsonpath={.status.hard.pods}=0", "--timeout=20s"];
    await this.#must(["wait", `resourcequota/${QUOTA}`, ...counted]);
  }

  async #permitPods(): Promise<void> {
    await this.#must(["delete", "resourcequota", QUOTA, "--ignore-not-found"]);
  }

  /** Parts of interchangeable instances have no set of this kind; their controllers need no hint. */
  async #nudge(part: string): Promise<void> {
    const set = ["annotate", "statefulset", part, "--overwrite"];
    for (const change of [`${NUDGE}=now`, `${NUDGE}-`])
      await this.#cluster.kubectl([`--namespace=${this.#namespace}`, ...set, change]);
  }

  async #send(member: Member, command: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#inventory.exec(member, command, ANSWER_MILLISECONDS);
    if (code !== 0 && code !== KILLED)
      throw new Failure(`${member.name}: ${command.at(-1)} ended with code ${code}: ${stderr.trim()}`);
  }

  async #must(args: readonly string[], input?: string): Promise<void> {
    const { code, stderr } = await this.#cluster.kubectl([`--namespace=${this.#namespace}`, ...args], input);
    if (code !== 0) throw new Failure(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
  }
}
