import { Failure } from "../../tools/failure.ts";
import type { Cluster } from "../../tools/stack/kubernetes-cluster.ts";
import { objectOf } from "../../tools/stack/kubernetes-heal.ts";
import { nameOf } from "../../tools/stack/plan.ts";
import { forgetResources, resourcesInForce } from "../apply-stack.ts";
import type { Member } from "../inventory.ts";
import { Refusal } from "../refusal.ts";
import type { RunningStack } from "../running-stack.ts";
import type { CommandLine, Ground } from "./ground.ts";
import { ORDER_PLACE, type Order, STOP_SECONDS } from "./order.ts";

const JOB = "kubernetes:batch/v1:Job";
const WRITE = `printf %s "$1" >${ORDER_PLACE}.new && mv ${ORDER_PLACE}.new ${ORDER_PLACE}`;
const WRITE_MILLISECONDS = 30_000;

/**
 * A node starts a container that has stopped at once. What holds a member back is its order: the founder until no other member
 * of the former cluster answers, the others until the founder leads. The founder is one that does not lead, and starts first, so
 * that none of the others takes the former cluster for the restored one.
 */
export class KubernetesGround implements Ground {
  readonly #stack: RunningStack;
  readonly #cluster: Cluster;
  readonly #namespace: string;

  constructor(stack: RunningStack, cluster: Cluster, namespace: string) {
    this.#stack = stack;
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** A job can not run twice: it goes, from the cluster and from the state. */
  async renewJobs(jobs: readonly string[]): Promise<void> {
    const known = (await resourcesInForce(this.#stack.name, JOB)).filter(({ urn }) =>
      jobs.includes(nameOf(urn)),
    );
    const names = known.flatMap((resource) => objectOf(resource)?.name ?? []);
    const args = ["delete", "jobs.batch", `--namespace=${this.#namespace}`, "--ignore-not-found", ...names];
    const deleted = await this.#cluster.kubectl(args, undefined, 120);
    if (deleted.code !== 0) throw new Failure(`kubectl ${args.join(" ")}: ${deleted.stderr.trim()}`);
    await forgetResources(
      this.#stack.name,
      known.map(({ urn }) => urn),
    );
  }

  founder(members: readonly [string, ...string[]], leader: string | undefined): string {
    return members.find((name) => name !== leader) ?? members[0];
  }

  inside(member: string, command: readonly string[]): CommandLine {
    const { part } = this.#stack.member(member);
    return this.#cluster.commandLine([
      ...[
        `--namespace=${this.#namespace}`,
        "exec",
        "--stdin",
        member,
        `--container=${part}`,
        "--",
        ...command,
      ],
    ]);
  }

  /** In the member itself, which has to run. */
  async onVolumes(member: string, command: readonly string[]): Promise<CommandLine> {
    return this.inside(member, command);
  }

  async begin(order: Order, leader: string | undefined): Promise<void> {
    const members = order.members.map((name) => this.#stack.member(name));
    const away = members.filter(({ running }) => !running);
    if (away.length > 0)
      throw new Refusal(
        `${away.map(({ name, state }) => `${name} is ${state}`).join(", ")}: it can not be told to begin anew. Have it run, be it on an ` +
          `empty volume ("kubectl --namespace ${this.#namespace} describe pod ${away[0]?.name}" says what it lacks), and repeat.`,
      );
    for (const member of members) await this.#leave(member, order);
    const turn = ({ name }: Member) => (name === order.founder ? 0 : name === leader ? 2 : 1);
    for (const member of members.sort((one, other) => turn(one) - turn(other)))
      await this.#stack.platform.restart(member, STOP_SECONDS);
  }

  async #leave(member: Member, order: Order): Promise<void> {
    const command = ["/bin/sh", "-c", WRITE, "sh", JSON.stringify(order)];
    const { code, stderr } = await this.#stack.platform.exec(member, command, WRITE_MILLISECONDS);
    if (code !== 0)
      throw new Refusal(`${member.name} does not take its order: ${stderr.trim()}. Nothing was stopped.`);
  }
}
