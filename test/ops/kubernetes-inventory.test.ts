import { describe, expect, it } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { expectedMembers } from "../../ops/expected.ts";
import { KubernetesInventory } from "../../ops/kubernetes-inventory.ts";
import type { Result } from "../../tools/process.ts";
import { Cluster } from "../../tools/stack/kubernetes-cluster.ts";

const done = (stdout = "", code = 0, stderr = ""): Result => ({ code, stdout, stderr, timedOut: false });

function pod(name: string, part: string, own: { state?: object; restarts?: number; meta?: object } = {}) {
  return {
    metadata: { name, labels: { "app.kubernetes.io/component": part }, ...own.meta },
    status: {
      phase: "Running",
      podIP: "10.244.0.7",
      // By name, whatever their order in the pod.
      containerStatuses: [
        { name: "figures", restartCount: 7, state: { waiting: { reason: "ImagePullBackOff" } } },
        { name: part, restartCount: own.restarts ?? 0, state: own.state ?? { running: {} } },
      ].sort((a, b) => a.name.localeCompare(b.name)),
    },
  };
}

/** A cluster that answers from a list, and notes what it was asked. */
class Answering extends Cluster {
  readonly asked: string[][] = [];
  readonly #answers: ((args: readonly string[]) => Result | undefined)[];

  constructor(...answers: ((args: readonly string[]) => Result | undefined)[]) {
    super("");
    this.#answers = answers;
  }

  override async run(args: readonly string[]): Promise<Result> {
    this.asked.push([...args]);
    for (const answer of this.#answers) {
      const result = answer(args);
      if (result) return result;
    }
    return done();
  }
}

const on = (cluster: Cluster) => new KubernetesInventory(cluster, "ci", "dujyo-ci");
const list =
  (...items: object[]) =>
  (args: readonly string[]) =>
    args.includes("get") ? done(JSON.stringify({ items })) : undefined;

describe("members on Kubernetes", () => {
  it("are the pods of the stack's parts, without those of jobs, by name and with what state they are in", async () => {
    const cluster = new Answering(
      list(
        pod("redis-10", "redis"),
        pod("redis-9", "redis", { state: { waiting: { reason: "CrashLoopBackOff" } } }),
        pod("api-1a-x", "api", { meta: { deletionTimestamp: "2026-01-01T00:00:00Z" } }),
        pod("migrate-1-x", "migrate", { meta: { ownerReferences: [{ kind: "Job" }] } }),
      ),
    );
    expect(await on(cluster).members()).toEqual([
      { name: "api-1a-x", part: "api", running: false, state: "terminating", address: "10.244.0.7" },
      { name: "redis-9", part: "redis", running: false, state: "CrashLoopBackOff", address: "10.244.0.7" },
      { name: "redis-10", part: "redis", running: true, state: "running", address: "10.244.0.7" },
    ]);
    expect(cluster.asked[0]).toEqual(
      expect.arrayContaining([
        "--namespace=dujyo-ci",
        "--selector=app.kubernetes.io/instance=ci,app.kubernetes.io/component",
      ]),
    );
  });

  it("can not be told by a user who may not list pods", async () => {
    const cluster = new Answering(() => done("", 1, "Error from server (Forbidden): pods is forbidden"));
    await expect(on(cluster).members()).rejects.toThrow(/may not list pods in the namespace "dujyo-ci"/);
  });

  const member = { name: "redis-0", part: "redis", running: true, state: "running" };

  it("are asked in their own container", async () => {
    const cluster = new Answering();
    await on(cluster).exec(member, ["member-status"], 1_000);
    expect(cluster.asked).toEqual([
      ["--namespace=dujyo-ci", "exec", "redis-0", "--container=redis", "--", "member-status"],
    ]);
  });

  it("have restarted when the node has started their container again", async () => {
    let restarts = 3;
    const cluster = new Answering((args) => {
      if (args.includes("exec")) restarts = 4;
      return args.includes("get") ? done(JSON.stringify(pod("redis-0", "redis", { restarts }))) : undefined;
    });
    await on(cluster).restart(member, 5);
    expect(cluster.asked.filter((args) => args.includes("kill -TERM 1"))).toHaveLength(1);
    expect(cluster.asked.at(-1)).toContain("get");
  });

  it("tell why they can not be stopped", async () => {
    const cluster = new Answering((args) =>
      args.includes("exec")
        ? done("", 1, "container not found")
        : done(JSON.stringify(pod("redis-0", "redis"))),
    );
    await expect(on(cluster).restart(member, 5)).rejects.toThrow(
      "redis-0 could not be stopped: container not found.",
    );
  });
});

describe("what a stack has to have on Kubernetes", () => {
  it("are members with a disk by name, instances of services by their number, and no balancer or store", () => {
    const settings = parseSettings("ci", {
      target: "kubernetes",
      pgbouncer: { instances: 2, writerPool: 10, readerPool: 5 },
      postgres: { replicas: 1 },
      redis: { replicasPerShard: 0 },
    });
    const { members, instances } = expectedMembers(settings);
    expect(members).toEqual([
      ...["postgres-0", "postgres-1", "redis-0", "redis-1", "redis-2"],
      ...["postgres-exporter-0", "postgres-exporter-1", "alertmanager-0", "prometheus-0"],
    ]);
    expect(instances).toEqual({
      ...{ api: 2, haproxy: 1, pgbouncer: 2 },
      ...{ "redis-exporter": 1, "node-exporter": 1 },
    });
  });

  it("leaves out what a monitoring of the cluster's own takes the place of", () => {
    const monitoring = { mode: "operator" };
    const { members, instances } = expectedMembers(
      parseSettings("dev", { target: "kubernetes", monitoring }),
    );
    expect(members.filter((name) => /prometheus|alertmanager/.test(name))).toEqual([]);
    expect(members).toContain("postgres-exporter-2");
    expect(instances).toMatchObject({ "redis-exporter": 1 });
  });
});
