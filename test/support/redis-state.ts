import type { Cluster } from "ioredis";
import { mustRun } from "../../tools/process.ts";
import { container, eventually } from "./faults.ts";

/** What one member says of itself. */
interface MemberStatus {
  readonly role: string;
  readonly healthy: boolean;
  readonly detail: string | null;
}

export async function redisMember(ordinal: number): Promise<MemberStatus> {
  const answer = await mustRun("docker", [
    "exec",
    container(`redis-${ordinal}`),
    "/usr/local/bin/member-status",
  ]);
  return JSON.parse(answer) as MemberStatus;
}

/** Waits until there are `shards` healthy primaries, each with a healthy replica. */
export async function redisWhole(shards: number): Promise<void> {
  await eventually("Redis Cluster whole", async () => {
    const members = await Promise.all(
      Array.from({ length: shards * 2 }, (_, ordinal) => redisMember(ordinal)),
    );
    const healthy = members.filter((member) => member.healthy);
    return (
      healthy.filter(({ role }) => role === "shard primary").length === shards &&
      healthy.filter(({ role }) => role === "shard replica").length === shards
    );
  });
}

/** How many of the 16384 slots each primary has, as the cluster tells a client. */
export async function slotShares(client: Cluster): Promise<number[]> {
  const ranges = (await client.cluster("SLOTS")) as unknown as [number, number, [string, number, string]][];
  const shares = new Map<string, number>();
  for (const [first, last, [, , primary]] of ranges)
    shares.set(primary, (shares.get(primary) ?? 0) + last - first + 1);
  return [...shares.values()];
}
