import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mustRun } from "../../tools/process.ts";
import { container, whole } from "../support/faults.ts";
import { LedgerWriter, type WriterReport } from "../support/ledger-writer.ts";
import { type MemberEvent, memberEvents, mostAtOnce, mostDown, replaced } from "../support/member-events.ts";
import { upWithChangedImages } from "../support/project-copy.ts";
import { redisWhole } from "../support/redis-state.ts";
import { ShardWriters } from "../support/shard-writer.ts";
import { up } from "../support/stack-commands.ts";
import { BASE_SETTINGS, changedSettings, writeSettings } from "../support/stack-settings.ts";

/** Longest pause in writing that one planned hand-over may cause, seconds. */
const HAND_OVER_SECONDS = 5;

const POSTGRES = [0, 1, 2].map((ordinal) => `postgres-${ordinal}`);
const REDIS = [0, 1, 2, 3, 4, 5].map((ordinal) => `redis-${ordinal}`);

interface Roll {
  readonly events: readonly MemberEvent[];
  readonly ledger: WriterReport;
  readonly shards: readonly WriterReport[];
}

/** Writes to PostgreSQL and to each shard of Redis while `change` rolls the members. */
async function rollUnderWriters(name: string, change: () => Promise<unknown>): Promise<Roll> {
  await whole(POSTGRES.length);
  await redisWhole(REDIS.length / 2);
  const ledgerWriter = await LedgerWriter.start();
  const shardWriters = await ShardWriters.start();
  let events: MemberEvent[];
  try {
    events = await memberEvents(change);
    await Promise.all([ledgerWriter.progress(20), shardWriters.progress(20)]);
  } catch (error) {
    await Promise.allSettled([ledgerWriter.stop(), shardWriters.stop()]);
    throw error;
  }
  const [ledger, shards] = await Promise.all([ledgerWriter.stop(), shardWriters.stop()]);
  for (const [what, report] of [
    ["PostgreSQL", ledger],
    ...shards.map((shard, index) => [`shard ${index}`, shard]),
  ] as [string, WriterReport][])
    console.log(
      `${name}, ${what}: ${report.acknowledged} acknowledged, longest gap ${report.longestGap.toFixed(2)} s`,
    );
  return { events, ledger, shards };
}

function expectLossless(report: WriterReport): void {
  expect(report.lost).toEqual([]);
  expect(report.longestGap).toBeLessThan(HAND_OVER_SECONDS);
}

/** The distinct values that a field of the members' containers has. */
const distinct = async (field: string, members: readonly string[]) =>
  new Set(
    (await mustRun("docker", ["inspect", "--format", `{{${field}}}`, ...members.map(container)]))
      .trim()
      .split("\n"),
  );

const imagesOf = (members: readonly string[]) => distinct(".Image", members);

/** Other limits than the stack has, bytes. */
const LIMITS = { postgres: 448 * 2 ** 20, redis: 80 * 2 ** 20 };

describe("new images and new limits of PostgreSQL and Redis", () => {
  let roll: Roll;
  let former: Set<string>;
  let removeImages: () => Promise<void> = async () => undefined;

  beforeAll(async () => {
    former = await imagesOf([...POSTGRES, ...REDIS]);
    writeSettings(changedSettings({ postgres: { memory: "448 MB" }, redis: { memory: "80 MB" } }));
    roll = await rollUnderWriters("images", async () => {
      removeImages = await upWithChangedImages(["postgres", "redis"]);
    });
  }, 900_000);

  afterAll(async () => {
    writeSettings(BASE_SETTINGS);
    await up();
    await removeImages();
  }, 900_000);

  it("run in every member", async () => {
    const now = await imagesOf([...POSTGRES, ...REDIS]);
    expect(now.size).toBe(2);
    expect([...now].filter((image) => former.has(image))).toEqual([]);
  });

  it("hold every member within its new limit", async () => {
    expect(await distinct(".HostConfig.Memory", POSTGRES)).toEqual(new Set([String(LIMITS.postgres)]));
    expect(await distinct(".HostConfig.Memory", REDIS)).toEqual(new Set([String(LIMITS.redis)]));
  });

  it("replace the members of PostgreSQL one at a time, the leader after a hand-over, never two on one volume", async () => {
    expect(replaced(roll.events, "postgres").sort()).toEqual(POSTGRES);
    expect(mostDown(roll.events, "postgres")).toBe(1);
    expect(mostAtOnce(roll.events, "postgres")).toBe(1);
    await whole(3);
  });

  it("lose no acknowledged write of PostgreSQL", () => {
    expectLossless(roll.ledger);
  });

  it("replace the members of Redis one at a time and lose no acknowledged write of any shard", async () => {
    expect(replaced(roll.events, "redis").sort()).toEqual(REDIS);
    expect(mostDown(roll.events, "redis")).toBe(1);
    expect(mostAtOnce(roll.events, "redis")).toBe(1);
    for (const shard of roll.shards) expectLossless(shard);
    await redisWhole(3);
  });
});
