import { DockerInventory } from "../../ops/docker-inventory.ts";

const ASK_MILLISECONDS = 10_000;

/** Members of Redis that run and have no part in their cluster: replaced by hand, reset, or never taken in. */
export async function unassignedMembers(stack: string): Promise<string[]> {
  const inventory = new DockerInventory(stack);
  const running = (await inventory.members()).filter((member) => member.part === "redis" && member.running);
  const answers = await Promise.all(
    running.map((member) => inventory.exec(member, ["/usr/local/bin/member-status"], ASK_MILLISECONDS)),
  );
  return running
    .filter((_, index) => answers[index]?.stdout.includes("holds no slots"))
    .map(({ name }) => name);
}
