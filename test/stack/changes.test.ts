import { afterAll, describe, expect, inject, it } from "vitest";
import { mustRun } from "../../tools/process.ts";
import { redisClient, value } from "../support/clients.ts";
import { container, leader, patroniMembers, whole } from "../support/faults.ts";
import { LedgerWriter } from "../support/ledger-writer.ts";
import { redisWhole } from "../support/redis-state.ts";
import { stackConnection, tryUp, up } from "../support/stack-commands.ts";
import { BASE_SETTINGS, changedSettings, writeSettings } from "../support/stack-settings.ts";
import { mustSwitchOver } from "../support/switchover.ts";

/** Longest pause in writing that one planned hand-over may cause, seconds; the machine is shared. */
const HAND_OVER_SECONDS = 8;

async function containerIds(members: readonly string[]): Promise<string[]> {
  const ids = await mustRun("docker", ["inspect", "--format", "{{.Id}}", ...members.map(container)]);
  return ids.trim().split("\n");
}

const POSTGRES = ["postgres-0", "postgres-1", "postgres-2"];

/** Applies changed settings under a writing client and gives what that saw. */
async function changeUnderLoad(changes: Parameters<typeof changedSettings>[0]) {
  const writer = await LedgerWriter.start();
  writeSettings(changedSettings(changes));
  try {
    await up();
  } catch (error) {
    await writer.stop();
    throw error;
  }
  await writer.progress(20);
  const report = await writer.stop();
  console.log(
    `${JSON.stringify(changes)}: ${report.acknowledged} acknowledged, longest gap ${report.longestGap.toFixed(1)} s`,
  );
  return report;
}

afterAll(async () => {
  writeSettings(BASE_SETTINGS);
  await up();
}, 600_000);

describe("a change of the settings", () => {
  it("is refused whole when it is wrong, before anything is touched", async () => {
    const before = await containerIds(POSTGRES);
    writeSettings(changedSettings({ postgres: { replicas: "many", flavour: 1 }, redis: { shards: 2 } }));
    const answer = await tryUp();
    expect(answer.code).not.toBe(0);
    for (const path of ["postgres.replicas", "postgres.flavour", "redis.shards"])
      expect(answer.stdout + answer.stderr).toContain(path);
    expect(await containerIds(POSTGRES)).toEqual(before);
  });

  it("reaches PostgreSQL without a restart where none is needed", async () => {
    const before = await containerIds(POSTGRES);
    const started = await value(
      inject("connection").writer,
      "owner",
      "SELECT pg_postmaster_start_time()::text",
    );
    writeSettings(changedSettings({ postgres: { parameters: { log_min_messages: "error" } } }));
    await up();
    expect(await value(inject("connection").writer, "owner", "SHOW log_min_messages")).toBe("error");
    expect(await value(inject("connection").writer, "owner", "SELECT pg_postmaster_start_time()::text")).toBe(
      started,
    );
    expect(await containerIds(POSTGRES)).toEqual(before);
  });

  it("restarts one member of PostgreSQL at a time where it must, losing nothing", {
    timeout: 600_000,
  }, async () => {
    const before = await containerIds(POSTGRES);
    const report = await changeUnderLoad({ postgres: { parameters: { max_locks_per_transaction: 192 } } });
    expect(report.lost).toEqual([]);
    expect(report.longestGap).toBeLessThan(HAND_OVER_SECONDS);
    for (const address of inject("connection").postgres)
      expect(await value(address, "owner", "SHOW max_locks_per_transaction")).toBe("192");
    expect(await containerIds(POSTGRES)).toEqual(before);
    await whole(3);
  });

  it("replaces one member of PostgreSQL at a time, the leader after a hand-over", {
    timeout: 900_000,
  }, async () => {
    const report = await changeUnderLoad({ postgres: { cpus: 1.5, memory: "448 MB" } });
    expect(report.lost).toEqual([]);
    expect(report.longestGap).toBeLessThan(HAND_OVER_SECONDS);
    const memory = await mustRun("docker", [
      "inspect",
      "--format",
      "{{.HostConfig.Memory}}",
      ...POSTGRES.map(container),
    ]);
    expect(new Set(memory.trim().split("\n"))).toEqual(new Set([String(448 * 2 ** 20)]));
    await whole(3);
  });

  it("adds a replica, and takes away one that leads", { timeout: 900_000 }, async () => {
    const grown = await changeUnderLoad({ postgres: { replicas: 3 } });
    expect(grown.lost).toEqual([]);
    await whole(4);
    const primary = await leader();
    if (primary !== "postgres-3") await mustSwitchOver(primary, "postgres-3");
    expect(await leader()).toBe("postgres-3");
    await whole(4);
    const shrunk = await changeUnderLoad({});
    expect(shrunk.lost).toEqual([]);
    await whole(3);
    expect((await patroniMembers()).map(({ name }) => name).sort()).toEqual(POSTGRES);
  });

  it("adds a shard to Redis and takes it away again, keeping every key", { timeout: 1_800_000 }, async () => {
    const client = redisClient();
    const keys = Array.from({ length: 500 }, (_, index) => `dujyo:shard:${index}`);
    for (const key of keys) await client.set(key, key, "EX", 7_200);
    client.disconnect();
    for (const shards of [4, 3]) {
      writeSettings(changedSettings({ redis: { shards } }));
      await up();
      await redisWhole(shards);
      // The map names the members there are now.
      const reader = redisClient(await stackConnection());
      for (const key of keys) expect(await reader.get(key), `with ${shards} shards`).toBe(key);
      reader.disconnect();
    }
  });
});
