import { mustRun } from "../../tools/process.ts";
import { containerName } from "../docker-inventory.ts";
import type { Member } from "../inventory.ts";
import { partMembers, type RunningStack } from "../running-stack.ts";

/** What members are told to do before they start Patroni; see `restore_order.py` of their image. */
export interface Order {
  /** Name of the member that begins the cluster anew. */
  readonly founder: string;
  readonly members: readonly string[];
  /** Options of `pgbackrest restore`; absent where the data has been brought to the founder. */
  readonly options?: readonly string[];
}

/** Where an order lies beside a member's data. */
const PLACE = "/var/lib/dujyo/restore.json";
/** Seconds that a member gets to stop: a hand-over and a shutdown checkpoint. */
const GRACE = 75;

/** The members of PostgreSQL, the founder of a new cluster first. */
export function restoreMembers(stack: RunningStack): readonly [founder: Member, ...others: Member[]] {
  const [founder, ...others] = partMembers(stack, "postgres");
  return [founder as Member, ...others];
}

/** A command line that works with a member's volumes, whether the member runs or not. */
export async function withVolumes(
  stack: string,
  member: string,
  command: readonly string[],
): Promise<string[]> {
  const container = containerName(stack, member);
  const image = (await mustRun("docker", ["inspect", "--format", "{{.Image}}", container])).trim();
  const confined = ["--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"];
  return [
    ...["run", "--rm", "--interactive", "--read-only", "--volumes-from", container, ...confined],
    ...["--user", "10001:0", "--entrypoint", command[0] ?? "", image, ...command.slice(1)],
  ];
}

/** Leaves the order with every member; from now on whoever starts them has it carried out. */
export async function leaveOrder(stack: RunningStack, order: Order): Promise<void> {
  const write = ["/bin/sh", "-c", `cat >${PLACE}.new && mv ${PLACE}.new ${PLACE}`];
  for (const member of order.members)
    await mustRun("docker", await withVolumes(stack.name, member, write), { input: JSON.stringify(order) });
}

/** Stops the members, the leader last: its log goes to the archive to the end. */
export async function stopMembers(stack: RunningStack, leader: string | undefined): Promise<void> {
  const names = restoreMembers(stack).map(({ name }) => name);
  const groups = [names.filter((name) => name !== leader), names.filter((name) => name === leader)];
  for (const group of groups.filter((some) => some.length > 0))
    await mustRun("docker", [
      ...["stop", "--time", String(GRACE)],
      ...group.map((name) => containerName(stack.name, name)),
    ]);
}

export async function startMembers(stack: RunningStack): Promise<void> {
  await mustRun("docker", [
    "start",
    ...restoreMembers(stack).map(({ name }) => containerName(stack.name, name)),
  ]);
}
