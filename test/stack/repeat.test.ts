import { describe, expect, it } from "vitest";
import { mustRun } from "../../tools/process.ts";
import { container, eventually, leader, whole } from "../support/faults.ts";
import { redisMember, redisWhole } from "../support/redis-state.ts";
import { UNCHANGED, up } from "../support/stack-commands.ts";
import { mustSwitchOver } from "../support/switchover.ts";

/** Ordinals of the members of Redis that are primaries, and of those that replicate. */
async function redisRoles(): Promise<{ primaries: number[]; replicas: number[] }> {
  const ordinals = [0, 1, 2, 3, 4, 5];
  const roles = await Promise.all(ordinals.map(async (ordinal) => (await redisMember(ordinal)).role));
  return {
    primaries: ordinals.filter((ordinal) => roles[ordinal] === "shard primary"),
    replicas: ordinals.filter((ordinal) => roles[ordinal] === "shard replica"),
  };
}

/** Removes a member's container and data by hand. */
async function lose(member: string): Promise<void> {
  await mustRun("docker", ["rm", "--force", container(member)]);
  await mustRun("docker", ["volume", "rm", `${container(member)}-data`]);
}

describe("a repeated up", () => {
  it("undoes neither a switchover nor a failover", async () => {
    await whole(3);
    await redisWhole(3);
    const primary = await mustSwitchOver(await leader());
    const { replicas } = await redisRoles();
    const chosen = replicas[0] as number;
    await mustRun("docker", [
      ...["exec", container(`redis-${chosen}`), "bash", "-c"],
      ". /usr/local/lib/dujyo/member.sh; ask_local 'CLUSTER FAILOVER'",
    ]);
    await eventually("the replica leads its shard", async () =>
      (await redisRoles()).primaries.includes(chosen),
    );
    await whole(3);
    await redisWhole(3);
    const { primaries } = await redisRoles();
    expect(await up()).toMatch(UNCHANGED);
    expect(await leader()).toBe(primary);
    expect((await redisRoles()).primaries).toEqual(primaries);
  });

  it("brings back members that were lost with their data", { timeout: 300_000 }, async () => {
    const { primaries } = await redisRoles();
    await Promise.all(["etcd-1", `redis-${primaries[0]}`].map(lose));
    expect(await up()).toMatch(/the jobs that fill them will run again/);
    await redisWhole(3);
    await whole(3);
    const etcd = await mustRun("docker", [
      ...["exec", container("etcd-0"), "etcd-ask", "endpoint", "health", "--cluster"],
    ]);
    expect(etcd.match(/is healthy/g) ?? []).toHaveLength(3);
    expect(await up()).toMatch(UNCHANGED);
  });
});
