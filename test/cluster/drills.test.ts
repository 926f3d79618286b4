import { Cluster } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { allReady, kubectl, pods, primary } from "./objects.ts";
import { Writer } from "./writer.ts";

/** Figures of a drill belong into the report as they were seen. */
function tell(what: string, figures: object): void {
  console.log(`${what}: ${JSON.stringify(figures)}`);
}

describe("PostgreSQL on a real cluster", () => {
  it.each([
    ["in an orderly way", [], 15],
    ["at once", ["--grace-period=0", "--force"], 40],
  ])("loses no acknowledged write when the primary's pod is deleted %s", async (how, args, most) => {
    const writer = await Writer.start(inject("clusterConnection"));
    await writer.progress(50);
    const before = await primary();
    await kubectl(["delete", "pod", before.metadata.name, "--wait=false", ...args]);
    const whole = await allReady("postgres", 3, [before.metadata.uid]);
    await writer.progress(50);
    const report = await writer.stop();
    const after = await primary();
    tell(`primary deleted ${how}`, {
      ...report,
      wholeAfter: whole,
      from: before.metadata.name,
      to: after.metadata.name,
    });
    expect(report.lost).toEqual([]);
    expect(report.longestGap).toBeLessThan(most);
  });
});

describe("Redis Cluster on a real cluster", () => {
  async function client(): Promise<Cluster> {
    const { redis, redisCa, redisPasswords } = inject("clusterConnection");
    const found = new Map(
      (await pods("redis")).map(({ metadata, status }) => [metadata.name, status.podIP ?? ""]),
    );
    const at = redis.map(({ host, port }) => ({
      name: `${host}:${port}`,
      host: found.get(host) ?? host,
      port,
    }));
    const cluster = new Cluster(
      at.map(({ host, port }) => ({ host, port })),
      {
        // Members tell their names, which only pods can resolve.
        natMap: Object.fromEntries(at.map(({ name, host, port }) => [name, { host, port }])),
        dnsLookup: (address, callback) => callback(null, address),
        clusterRetryStrategy: () => 200,
        redisOptions: {
          username: "app",
          password: redisPasswords.app,
          tls: { ca: redisCa, checkServerIdentity: () => undefined },
          connectTimeout: 2_000,
          commandTimeout: 3_000,
        },
      },
    );
    cluster.on("error", () => undefined);
    return cluster;
  }

  it("comes back with its data and new addresses when all of its pods are deleted at once", async () => {
    const keys = Array.from({ length: 500 }, (_, number) => `dujyo:{drill-${number}}:value`);
    const writing = await client();
    await Promise.all(keys.map((key) => writing.set(key, key)));
    // Longer than the second that the append-only file may be behind.
    await Promise.all(keys.map((key) => writing.get(key)));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    writing.disconnect();

    const before = await pods("redis");
    await kubectl([
      "delete",
      "pod",
      "--selector",
      "app.kubernetes.io/component=redis",
      "--wait=false",
      "--grace-period=0",
      "--force",
    ]);
    const back = await allReady(
      "redis",
      before.length,
      before.map(({ metadata }) => metadata.uid),
    );
    const after = await pods("redis");
    const moved = after.filter(({ metadata, status }) =>
      before.every((pod) => pod.metadata.name !== metadata.name || pod.status.podIP !== status.podIP),
    );
    const reading = await client();
    const started = performance.now();
    let values: (string | null)[] = [];
    while (performance.now() - started < 60_000) {
      values = await Promise.all(keys.map((key) => reading.get(key))).catch(() => []);
      if (values.length === keys.length && values.every((value) => value !== null)) break;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    reading.disconnect();
    tell("all Redis pods deleted", {
      readyAfter: back,
      allReadAfter: (performance.now() - started) / 1_000,
      moved: moved.length,
      kept: values.filter((value) => value !== null).length,
    });
    expect(values).toEqual(keys);
    expect(moved).toHaveLength(before.length);
  });
});
