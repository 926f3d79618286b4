import { describe, expect, inject, it } from "vitest";
import { ApiLoad } from "./api-load.ts";
import { allReady, kubectl, pods, primary, tell } from "./objects.ts";
import { KEYS, readKeys, writeKeys } from "./redis.ts";
import { Writer } from "./writer.ts";

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
  it("comes back with its data and new addresses when all of its pods are deleted at once", async () => {
    await writeKeys();
    // Longer than the second that the append-only file may be behind.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const before = await pods("redis");
    const selector = ["--selector", "app.kubernetes.io/component=redis"];
    await kubectl(["delete", "pod", ...selector, "--wait=false", "--grace-period=0", "--force"]);
    const gone = before.map(({ metadata }) => metadata.uid);
    const back = await allReady("redis", before.length, gone);
    const after = await pods("redis");
    const moved = after.filter(({ metadata, status }) =>
      before.every((pod) => pod.metadata.name !== metadata.name || pod.status.podIP !== status.podIP),
    );
    const started = performance.now();
    const values = await readKeys();
    tell("all Redis pods deleted", {
      readyAfter: back,
      allReadAfter: (performance.now() - started) / 1_000,
      moved: moved.length,
      kept: values.filter((value) => value !== null).length,
    });
    expect(values).toEqual(KEYS);
    expect(moved).toHaveLength(before.length);
  });
});

describe("the API on a real cluster", () => {
  it("answers every request while its instances are replaced one by one", async () => {
    const before = (await pods("api")).map(({ metadata }) => metadata.uid);
    const load = await ApiLoad.start();
    await load.progress(50);
    await kubectl(["rollout", "restart", "deployment/api"]);
    const rolled = await allReady("api", before.length, before);
    await load.progress(50);
    const report = await load.stop();
    tell("API rolled", { ...report, rolledAfter: rolled });
    expect(report.failures).toEqual([]);
  });
});
