import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { LOCAL } from "../../tools/layout.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { Pulumi } from "../../tools/stack/pulumi.ts";
import type { Snapshot, StateResource } from "../../tools/stack/snapshot.ts";
import { ApiLoad } from "./api-load.ts";
import { NAMESPACE, STACK, up } from "./cluster-stack.ts";
import { allReady, kubectl, pods, primary, tell } from "./objects.ts";
import { KEYS, readKeys, redisClient, writeKeys } from "./redis.ts";
import { Writer } from "./writer.ts";

/** Makes `candidate` lead, as a person would. */
async function switchTo(candidate: string): Promise<void> {
  const { metadata } = await primary();
  if (metadata.name === candidate) return;
  const order = JSON.stringify({ leader: metadata.name, candidate });
  const command = ["patroni-ask", "POST", metadata.name, "/switchover", order];
  await kubectl(["exec", metadata.name, "--", "env", "PATRONI_ASK_SECONDS=60", ...command]);
  await expect
    .poll(async () => (await primary()).metadata.name, { timeout: 60_000, interval: 500 })
    .toBe(candidate);
}

async function primaries(): Promise<number> {
  const client = await redisClient();
  try {
    await client.get("dujyo:{anything}");
    return client.nodes("master").length;
  } finally {
    client.disconnect();
  }
}

async function namesOf(part: string): Promise<string[]> {
  return (await pods(part)).map(({ metadata }) => metadata.name).sort();
}

describe("a change of the settings on a real cluster", () => {
  it("takes members away and brings them back under load, with all that they held", {
    timeout: 900_000,
  }, async () => {
    await writeKeys();
    await allReady("postgres", 3);
    await switchTo("postgres-2");
    const writer = await Writer.start(inject("clusterConnection"));
    const load = await ApiLoad.start();

    // The highest ordinal leads, and is the one to go. A shard comes, and an instance of the API.
    await up({ postgres: { replicas: 1 }, redis: { shards: 4 }, api: { instances: 3 } });
    expect(await namesOf("postgres")).toEqual(["postgres-0", "postgres-1"]);
    expect(["postgres-0", "postgres-1"]).toContain((await primary()).metadata.name);
    expect(await namesOf("redis")).toHaveLength(8);
    expect(await primaries()).toBe(4);
    expect(await readKeys()).toEqual(KEYS);
    await allReady("api", 3);
    await writer.progress(20);

    // Back again: the fourth shard holds a quarter of the keys.
    await up();
    await writer.progress(20);
    const report = await writer.stop();
    const { answered, failures, slowest } = await load.stop();
    tell("members away and back", {
      ...report,
      answered,
      slowest,
      failed: failures.length,
      failures: failures.filter((_, index) => index % 200 === 0),
    });
    expect(await namesOf("redis")).toHaveLength(6);
    expect(await primaries()).toBe(3);
    expect(await readKeys()).toEqual(KEYS);
    await allReady("postgres", 3);
    await allReady("api", 2);
    expect(report.lost).toEqual([]);
    expect(report.longestGap).toBeLessThan(20);
    const claims = await kubectl(["get", "persistentvolumeclaims", "--output=name"]);
    expect(
      claims
        .trim()
        .split("\n")
        .filter((name) => name.includes("redis")),
    ).toHaveLength(6);
  });

  it("lets load decide how many instances of the API there are", { timeout: 900_000 }, async () => {
    // Requested processor time follows from the limit: a busy instance has to use more than that, an idle one less.
    await up({ api: { maxInstances: 4, cpus: 4 } });
    await allReady("api", 2);
    // What is five calm minutes in a stack is seconds here.
    const calm = { spec: { behavior: { scaleDown: { stabilizationWindowSeconds: 5 } } } };
    await kubectl(["patch", "hpa", "api", "--type=merge", `--patch=${JSON.stringify(calm)}`]);
    const load = await ApiLoad.start({ clients: 16, pause: 0 });
    const more = await allReady("api", 4, [], 300);
    const { answered, failures } = await load.stop();
    const fewer = await allReady("api", 2, [], 300);
    tell("autoscaling", { more, fewer, answered, failures });
    expect(failures).toEqual([]);
    const scaler = JSON.parse(await kubectl(["get", "hpa", "api", "--output=json"]));
    expect(scaler.spec).toMatchObject({ minReplicas: 2, maxReplicas: 4 });
  });

  it("goes on after a run that was cut off, and after a job that failed", { timeout: 400_000 }, async () => {
    const budget = cutOffAfterCreating("PodDisruptionBudget");
    const job = await failingJob("migrate");

    await up();
    const done = JSON.parse(await kubectl(["get", "job", job, "--output=json"]));
    expect(done.status.succeeded).toBe(1);
    expect(done.spec.template.spec.containers[0].command).toContain("/usr/local/bin/migrate");
    const pulumi = new Pulumi(STACK, pulumiEnvironment(STACK));
    const after = await pulumi.export();
    expect(after?.deployment.resources?.map(({ urn }) => urn)).toContain(budget);
    const args = ["preview", "--expect-no-changes", "--stack", STACK];
    const { code, stdout } = await pulumi.run(args);
    expect(code, stdout).toBe(0);
  });
});

interface Checkpoint {
  readonly checkpoint: {
    readonly latest: Omit<Snapshot["deployment"], "resources" | "pending_operations"> & {
      resources: StateResource[];
      pending_operations?: unknown[];
    };
  };
}

/**
 * Changes the state to what a run leaves that ends between the creation of an object and the note that it was created. In
 * the file, since the engine's own import drops such operations.
 *
 * @param kind of the object; one that nothing needs, since that would not have been created yet
 * @returns the object's URN
 */
function cutOffAfterCreating(kind: string): string {
  const file = join(LOCAL, "state/.pulumi/stacks/dujyo", `${STACK}.json`);
  const state = JSON.parse(readFileSync(file, "utf8")) as Checkpoint;
  const { latest } = state.checkpoint;
  const needed = new Set(latest.resources.flatMap(({ dependencies = [] }) => dependencies));
  const created = latest.resources.findLast(({ urn, type }) => type.endsWith(`:${kind}`) && !needed.has(urn));
  if (!created) throw new Error(`the state has no ${kind} that nothing needs`);
  const { id: _, outputs: __, ...resource } = created;
  latest.resources = latest.resources.filter((at) => at !== created);
  latest.pending_operations = [{ type: "creating", resource }];
  writeFileSync(file, JSON.stringify(state, undefined, 4));
  return created.urn;
}

/** Puts a job that has failed into the place of a part's. Returns its name. */
async function failingJob(part: string): Promise<string> {
  const found = JSON.parse(
    await kubectl(["get", "jobs", `--selector=app.kubernetes.io/component=${part}`, "--output=json"]),
  ) as { items: { metadata: { name: string; labels: object; annotations: object }; spec: JobSpec }[] };
  const [job] = found.items;
  if (!job) throw new Error(`there is no job of ${part}`);
  const { name, labels, annotations } = job.metadata;
  const { spec } = job.spec.template;
  const containers = spec.containers.map((container) => ({ ...container, command: ["/bin/false"] }));
  await kubectl(["delete", "job", name]);
  const failing = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: NAMESPACE, labels, annotations },
    spec: { backoffLimit: 0, template: { metadata: { labels }, spec: { ...spec, containers } } },
  };
  await kubectl(["create", "--filename=-"], JSON.stringify(failing));
  await kubectl(["wait", "--for=condition=failed", "--timeout=50s", `job/${name}`]);
  return name;
}

interface JobSpec {
  readonly template: { readonly spec: { readonly containers: readonly object[] } };
}
