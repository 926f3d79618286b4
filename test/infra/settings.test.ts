import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { connectionDemand, postgresMemory, redisMaxMemory } from "../../infra/settings/budgets.ts";
import { parseSettings, SettingsError } from "../../infra/settings/parse.ts";
import { RECOVERY_PROFILES } from "../../infra/settings/recovery.ts";
import { readStackFile } from "../../infra/settings/stack-file.ts";

const ROOT = join(import.meta.dirname, "../..");

function problemsOf(given: Record<string, unknown>): Record<string, string> {
  try {
    parseSettings("dev", given);
  } catch (error) {
    if (error instanceof SettingsError)
      return Object.fromEntries(error.issues.map(({ path, reason }) => [path, reason]));
    throw error;
  }
  return {};
}

describe("settings", () => {
  it("fill in every default", () => {
    const settings = parseSettings("dev", {});
    expect(settings.postgres.replicas).toBe(2);
    expect(settings.redis.shards).toBe(3);
    expect(settings.target).toBe("docker");
  });

  it("report everything that is wrong at once, each with path, value and way out", () => {
    const problems = problemsOf({
      target: "vax",
      flavour: "mint",
      postgres: { replicas: "many", memory: "5", replicsa: 1, parameters: { fsync: "off" } },
      redis: { shards: 2 },
    });
    expect(Object.keys(problems).sort()).toEqual([
      "flavour",
      "postgres.memory",
      "postgres.parameters.fsync",
      "postgres.replicas",
      "postgres.replicsa",
      "redis.shards",
      "target",
    ]);
    expect(problems["postgres.replicas"]).toBe('is "many"; use a whole number from 0 to 15');
    expect(problems["redis.shards"]).toBe("is 2; use a whole number from 3 to 100");
    expect(problems["postgres.replicsa"]).toContain("known here: replicas, synchronousReplicas");
    expect(problems.target).toBe('is "vax"; use one of docker, kubernetes');
  });

  it("refuse pools that do not fit max_connections, with the arithmetic", () => {
    const reason = problemsOf({ postgres: { maxConnections: 40 } })["postgres.maxConnections"];
    expect(reason).toContain(
      "is 40, but one member may have to carry 70 sessions: 25 pooler, to the writer (20 + 5 in reserve)",
    );
    expect(reason).toContain("raise it to 70");
  });

  it("count the readers' sessions for each replica, and once where there is none", () => {
    const reason = (replicas: number) =>
      problemsOf({
        postgres: { replicas, synchronousReplicas: Math.min(replicas, 1), maxConnections: 40 },
      })["postgres.maxConnections"];
    expect(reason(4)).toContain(
      "45 pooler, to the reader, which falls back to the primary (10 x 4 replicas + 5)",
    );
    expect(reason(0)).toContain(
      "15 pooler, to the reader, which falls back to the primary (10 x 1 replicas + 5)",
    );
  });

  it("refuse a member too small for its sessions, with the arithmetic", () => {
    const reason = problemsOf({ postgres: { memory: "256 MB" } })["postgres.memory"];
    expect(reason).toContain(
      "256 MB - shared_buffers 64 - Patroni 72 - maintenance 48 = 72 MB for 100 sessions",
    );
  });

  it("refuse a Redis member without room for a fork", () => {
    expect(problemsOf({ redis: { memory: "40 MB" } })["redis.memory"]).toContain('use at least "54 MB"');
    expect(problemsOf({ redis: { memory: "54 MB" } })).toEqual({});
  });

  it("refuse quorums that a single loss would break", () => {
    expect(problemsOf({ etcd: { members: 2 } })["etcd.members"]).toContain("use an odd number");
    expect(problemsOf({ postgres: { synchronousReplicas: 2 } })["postgres.synchronousReplicas"]).toContain(
      "use at most 1",
    );
    expect(problemsOf({ postgres: { synchronousReplicas: 0 } })["postgres.synchronousReplicas"]).toContain(
      "at least 1",
    );
    expect(problemsOf({ postgres: { replicas: 0, synchronousReplicas: 0 } })).toEqual({});
  });
});

describe("the stack file", () => {
  const files = readdirSync(ROOT).filter((name) => /^Pulumi\.(?!test)\w+\.yaml$/.test(name));

  it.each(files)("%s is accepted", (name) => {
    expect(readStackFile(name.split(".")[1] as string, ROOT).target).toMatch(/docker|kubernetes/);
  });
});

describe("recovery profiles", () => {
  it.each(
    Object.entries(RECOVERY_PROFILES),
  )("%s keeps Patroni's rule and leaves a frozen primary before its lease ends", (_, profile) => {
    expect(profile.loopWait + 2 * profile.retryTimeout).toBeLessThanOrEqual(profile.ttl);
    expect(profile.ttl).toBeGreaterThanOrEqual(20);
    expect((profile.checkFall * profile.checkInterval) / 1_000).toBeLessThan(profile.ttl - profile.loopWait);
  });
});

describe("derived sizes", () => {
  const settings = parseSettings("dev", {});

  it("count the sessions of one member that carries everything", () => {
    expect(connectionDemand(settings).reduce((sum, part) => sum + part.sessions, 0)).toBe(70);
  });

  it("give PostgreSQL a quarter of the memory as shared buffers and stay inside the limit", () => {
    const memory = postgresMemory(settings.postgres);
    expect(memory.sharedBuffers).toBe(128);
    expect(memory.workMem).toBeGreaterThanOrEqual(1);
  });

  it("leave Redis room for itself and a fork", () => {
    expect(redisMaxMemory(settings.redis)).toBe(44 * 2 ** 20);
  });
});
