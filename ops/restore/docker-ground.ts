import { mustRun } from "../../tools/process.ts";
import { nameOf } from "../../tools/stack/plan.ts";
import { markForRenewal, resourcesInForce } from "../apply-stack.ts";
import { containerName } from "../docker-inventory.ts";
import type { CommandLine, Ground } from "./ground.ts";
import { ORDER_PLACE, type Order, STOP_SECONDS } from "./order.ts";

const JOB = "pulumi-nodejs:dynamic/docker:Run";

/** Containers that are stopped stay so until they are started, and take an order while they are. */
export class DockerGround implements Ground {
  readonly #stack: string;

  constructor(stack: string) {
    this.#stack = stack;
  }

  async renewJobs(jobs: readonly string[]): Promise<void> {
    const known = await resourcesInForce(this.#stack, JOB);
    await markForRenewal(
      this.#stack,
      known.filter(({ urn }) => jobs.includes(nameOf(urn))).map(({ urn }) => urn),
    );
  }

  founder([first]: readonly [string, ...string[]]): string {
    return first;
  }

  inside(member: string, command: readonly string[]): CommandLine {
    return ["docker", ["exec", containerName(this.#stack, member), ...command]];
  }

  /** Whether the member runs or not. */
  async onVolumes(member: string, command: readonly string[]): Promise<CommandLine> {
    const container = containerName(this.#stack, member);
    const image = (await mustRun("docker", ["inspect", "--format", "{{.Image}}", container])).trim();
    const confined = ["--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"];
    return [
      "docker",
      [
        ...["run", "--rm", "--interactive", "--read-only", "--volumes-from", container, ...confined],
        ...["--user", "10001:0", "--entrypoint", command[0] ?? "", image, ...command.slice(1)],
      ],
    ];
  }

  async begin(order: Order, leader: string | undefined): Promise<void> {
    const write = ["/bin/sh", "-c", `cat >${ORDER_PLACE}.new && mv ${ORDER_PLACE}.new ${ORDER_PLACE}`];
    const { members } = order;
    for (const member of members)
      await mustRun(...(await this.onVolumes(member, write)), { input: JSON.stringify(order) });
    const groups = [members.filter((name) => name !== leader), members.filter((name) => name === leader)];
    for (const group of groups.filter((some) => some.length > 0))
      await mustRun("docker", ["stop", "--time", String(STOP_SECONDS), ...this.#containers(group)]);
    await mustRun("docker", ["start", ...this.#containers(members)]);
  }

  #containers(members: readonly string[]): string[] {
    return members.map((name) => containerName(this.#stack, name));
  }
}
