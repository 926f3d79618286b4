import { afterAll, describe, expect, inject, it } from "vitest";
import type { Connection } from "../../ops/connection.ts";
import { mustRun } from "../../tools/process.ts";
import { redisClient, value } from "../support/clients.ts";
import { container, leader, patroniMembers, whole } from "../support/faults.ts";
import { LedgerWriter } from "../support/ledger-writer.ts";
import { redisWhole, slotShares } from "../support/redis-state.ts";
import { ShardWriters } from "../support/shard-writer.ts";
import { stackConnection, tryUp, up } from "../support/stack-commands.ts";
import { BASE_SETTINGS, changedSettings, writeSettings } from "../support/stack-settings.ts";
import { mustSwitchOver } from "../support/switchover.ts";

/** Longest pause in writing that one planned hand-over may cause, seconds. */
const HAND_OVER_SECONDS = 5;
/** How far a primary's share of the slots may be from an even one. */
const SLOT_TOLERANCE = 0.02;

async function containerIds(members: readonly string[]): Promise<string[]> {
  const ids = await mustRun("docker", ["inspect", "--format", "{{.Id}}", ...members.map(container)]);
  return ids.trim().split("\n");
}

const POSTGRES = ["postgres-0", "postgres-1", "postgres-2"];
const REDIS = [0, 1, 2, 3, 4, 5].map((ordinal) => `redis-${ordinal}`);

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

  it("adds a replica and a shard, and takes them away again, leaving every other member in its place", {
    timeout: 1_800_000,
  }, async () => {
    const before = await containerIds([...POSTGRES, ...REDIS]);
    const client = redisClient();
    const keys = Array.from({ length: 500 }, (_, index) => `dujyo:shard:${index}`);
    for (const key of keys) await client.set(key, key, "EX", 7_200);
    client.disconnect();
    for (const [replicas, shards] of [
      [3, 4],
      [2, 3],
    ] as const) {
      const shardWriters = await ShardWriters.start(withShards(4));
      try {
        const { lost } = await changeUnderLoad({ postgres: { replicas }, redis: { shards } });
        expect(lost).toEqual([]);
        await redisWhole(shards);
        await shardWriters.progress(20);
      } finally {
        const reports = await shardWriters.stop();
        for (const [index, { acknowledged, longestGap, lost }] of reports.entries()) {
          console.log(
            `to ${shards} shards, ${index}: ${acknowledged} acknowledged, longest gap ${longestGap.toFixed(2)} s`,
          );
          expect(lost).toEqual([]);
          expect(longestGap).toBeLessThan(HAND_OVER_SECONDS);
        }
      }
      // The map names the members there are now.
      const reader = redisClient(await stackConnection());
      for (const key of keys) expect(await reader.get(key), `with ${shards} shards`).toBe(key);
      const shares = await slotShares(reader);
      reader.disconnect();
      expect(shares).toHaveLength(shards);
      for (const share of shares)
        expect(Math.abs(share / (16_384 / shards) - 1), String(shares)).toBeLessThanOrEqual(SLOT_TOLERANCE);

      await whole(replicas + 1);
      // The one that is taken away leads.
      if (replicas === 3) await lead("postgres-3");
    }
    expect((await patroniMembers()).map(({ name }) => name).sort()).toEqual(POSTGRES);
    expect(await containerIds([...POSTGRES, ...REDIS])).toEqual(before);
  });
});

async function lead(member: string): Promise<void> {
  const primary = await leader();
  if (primary !== member) await mustSwitchOver(primary, member);
  expect(await leader()).toBe(member);
  await whole(4);
}

/** The connection with the members that there are when Redis has this many shards: their ports follow one another. */
function withShards(shards: number): Connection {
  const connection = inject("connection");
  const { port, published } = connection.redis[0] as Connection["redis"][number];
  const redis = Array.from({ length: shards * 2 }, (_, ordinal) => ({
    host: `redis-${ordinal}`,
    port: port + ordinal,
    published: published + ordinal,
  }));
  return { ...connection, redis };
}
