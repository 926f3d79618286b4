import { join } from "node:path";
import { afterEach, describe, expect, inject, it } from "vitest";
import { monitoringAddresses } from "../../ops/monitoring/addresses.ts";
import { Prometheus } from "../../ops/monitoring/prometheus.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { redisClient, value } from "../support/clients.ts";
import {
  container,
  cutOffAfterCopy,
  disconnect,
  endLongCheckpoint,
  eventually,
  killMainProcess,
  killPostmaster,
  leader,
  patroniMembers,
  reaches,
  whole,
} from "../support/faults.ts";
import { LedgerWriter, type WriterReport } from "../support/ledger-writer.ts";
import { redisMember, redisWhole } from "../support/redis-state.ts";
import { STACK } from "../support/stack-settings.ts";

/** Rows that have to be acknowledged after a fault before it counts as survived. */
const ROWS_AFTER = 50;
/** Within the lower half of the stack's network, from which the engine hands out addresses in turn. */
const UNUSED_ADDRESS = "172.30.18.120";
/** More than any member keeps for its own sake (wal_keep_size). */
const LONG_CHECKPOINT_SEGMENTS = 16;
/** Longest pause in writing that one planned hand-over may cause, seconds. */
const HAND_OVER_SECONDS = 5;
/** Three readings of a target. */
const FIGURES_SECONDS = 45;

/** Writes while `fault` happens and until the cluster is whole again. */
async function survive(
  name: string,
  fault: (primary: string) => Promise<() => Promise<void>>,
): Promise<WriterReport> {
  await whole(3);
  const primary = await leader();
  const writer = await LedgerWriter.start();
  await writer.progress(ROWS_AFTER);
  const heal = await fault(primary);
  try {
    await writer.progress(ROWS_AFTER);
  } finally {
    await heal();
  }
  await whole(3);
  const report = await writer.stop();
  console.log(`${name}: ${report.acknowledged} acknowledged, longest gap ${report.longestGap.toFixed(1)} s`);
  return report;
}

/** A former primary that follows the new one. */
const rejoined = (name: string) => ({
  name,
  role: expect.stringMatching(/^(Quorum Standby|Replica)$/),
  state: "streaming",
});

const nothingToHeal = async () => undefined;

describe("PostgreSQL loses no acknowledged write and comes back by itself when", () => {
  it("its primary's main process is killed", async () => {
    let former = "";
    const report = await survive("main process killed", async (primary) => {
      former = primary;
      await killMainProcess(primary);
      return nothingToHeal;
    });
    expect(report.lost).toEqual([]);
    expect(await patroniMembers()).toContainEqual(rejoined(former));
  });

  it("its primary comes back after it was killed, and has to begin with log that the new one has recycled", async () => {
    let former = "";
    const report = await survive("kept away after a long checkpoint", async (primary) => {
      former = primary;
      await endLongCheckpoint(primary, LONG_CHECKPOINT_SEGMENTS);
      await mustRun("docker", ["kill", container(primary)]);
      return async () => void (await mustRun("docker", ["start", container(primary)]));
    });
    expect(report.lost).toEqual([]);
    // Not copied anew, which takes as long as there is data.
    const log = await run("docker", ["logs", container(former)]);
    expect(log.stderr).toContain("pg_rewind exit code=0");
    expect(await patroniMembers()).toContainEqual(rejoined(former));
  });

  it("its primary's postmaster is killed under a living Patroni", async () => {
    const report = await survive("postmaster killed", async (primary) => {
      await killPostmaster(primary);
      return nothingToHeal;
    });
    expect(report.lost).toEqual([]);
  });

  it("its primary leaves the network, and rejoins as a replica", async () => {
    let former = "";
    const report = await survive("network cut", async (primary) => {
      former = primary;
      const reconnect = await disconnect(primary);
      return reconnect;
    });
    expect(report.lost).toEqual([]);
    expect(await patroniMembers()).toContainEqual(rejoined(former));
    // Without its address PostgreSQL may have been started anew, and does not listen there.
    await eventually("the former primary within reach", async () => reaches(await leader(), former));
  });

  it("a replica comes back under another address, at which PostgreSQL has to listen", async () => {
    const members = await patroniMembers();
    const replica = members.find(({ role }) => role !== "Leader")?.name ?? "";
    const primary = await leader();
    const prometheus = new Prometheus(monitoringAddresses(STACK).prometheus);
    const isRead = async () =>
      (await prometheus.query(`pg_up{job="postgres",instance="${replica}"} == 1`)).length === 1;
    await eventually("figures of the replica", isRead);
    let reconnect = async (_address?: string): Promise<void> => undefined;
    const report = await survive("another address", async () => {
      reconnect = await disconnect(replica);
      await eventually("a replica that is not read", async () => !(await isRead()));
      return () => reconnect(UNUSED_ADDRESS);
    });
    expect(report.lost).toEqual([]);
    await eventually("the replica within reach", () => reaches(primary, replica));
    // Its exporter may not go on waiting at the former address, where nobody answers: TCP would for a quarter of an hour.
    await eventually("figures of the replica at its new address", isRead, FIGURES_SECONDS);
    await disconnect(replica);
    await reconnect();
    await eventually("the replica within reach again", () => reaches(primary, replica));
  });

  it("a replica's start is cut off when it has its copy and PostgreSQL has not begun with that", async () => {
    const primary = await leader();
    const replica = (await patroniMembers()).find(({ name }) => name !== primary)?.name ?? "";
    const report = await survive("cut off after a copy", () => cutOffAfterCopy(replica, primary));
    expect(report.lost).toEqual([]);
    // Rows that were written between the copy and the start, too.
    const rows = (member: string) => {
      const address = inject("connection").postgres[Number(member.split("-").at(-1))];
      if (!address) throw new Error(`no address of ${member} is known`);
      return value(address, "owner", "SELECT count(*) FROM written");
    };
    const written = await rows(primary);
    await eventually("a replica with every row", async () => (await rows(replica)) === written, 30);
  });

  it("another member is made the primary on purpose", async () => {
    const report = await survive("switchover", async (primary) => {
      await mustRun(process.execPath, [join(ROOT, "ops/cli.ts"), "switchover", "--stack", STACK], {
        timeout: 120_000,
      });
      expect(await leader()).not.toBe(primary);
      return nothingToHeal;
    });
    expect(report.lost).toEqual([]);
    expect(report.longestGap).toBeLessThan(HAND_OVER_SECONDS);
  });

  it("a replica is lost", async () => {
    const report = await survive("replica lost", async (primary) => {
      const replica = (await patroniMembers()).find(({ name }) => name !== primary)?.name as string;
      await killMainProcess(replica);
      return nothingToHeal;
    });
    expect(report.lost).toEqual([]);
  });
});

describe("Redis", () => {
  const cluster: { client?: ReturnType<typeof redisClient> } = {};
  afterEach(() => cluster.client?.disconnect());

  it("comes back with its data when all members are restarted at once", async () => {
    const client = redisClient();
    cluster.client = client;
    const keys = Array.from({ length: 200 }, (_, index) => `dujyo:restart:${index}`);
    for (const key of keys) await client.set(key, key, "EX", 3_600);
    // The append-only file is flushed once a second.
    await eventually("flushed to disk", async () => {
      const info = await client.info("persistence");
      return info.includes("aof_pending_bio_fsync:0") && info.includes("aof_last_write_status:ok");
    });
    const members = inject("connection").redis.map(({ host }) => container(host));
    await mustRun("docker", ["restart", "--time", "30", ...members], { timeout: 120_000 });
    await redisWhole(3);
    for (const key of keys) expect(await client.get(key)).toBe(key);
  });

  it("answers again after a primary is cut off", async () => {
    const client = redisClient();
    cluster.client = client;
    // Enough keys that each shard has some.
    const keys = Array.from({ length: 60 }, (_, index) => `dujyo:cut:${index}`);
    const write = async (text: string) => {
      for (const key of keys) await client.set(key, text, "EX", 3_600);
    };
    await write("before");
    const status = await Promise.all([0, 1].map(redisMember));
    const primary = status.findIndex(({ role }) => role === "shard primary");
    const reconnect = await disconnect(`redis-${primary}`);
    try {
      await eventually(
        "the shard's replica took over",
        async () => (await redisMember(1 - primary)).role === "shard primary",
        30,
      );
      await eventually("every shard takes writes", () => write("after").then(() => true), 30);
    } finally {
      await reconnect();
    }
    await redisWhole(3);
    for (const key of keys) expect(await client.get(key)).toBe("after");
  });
});
