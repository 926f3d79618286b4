import { describe, expect, it } from "vitest";
import type { Result, RunOptions } from "../../tools/process.ts";
import { Cluster } from "../../tools/stack/kubernetes-cluster.ts";

/** A cluster that gives one answer, and notes what was asked. */
class Answering extends Cluster {
  readonly #answer: string;
  input = "";

  constructor(answer: string) {
    super("");
    this.#answer = answer;
  }

  override async run(_: readonly string[], { input = "" }: RunOptions): Promise<Result> {
    this.input = input;
    return { code: 0, stdout: this.#answer, stderr: "", timedOut: false };
  }
}

const list = (...items: object[]) => JSON.stringify({ items });

function pod(name: string, ready: boolean, more: object = {}): object {
  return {
    metadata: { name, ...more },
    status: { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

describe("a cluster", () => {
  it("tells the pods of a part that stay, those that are ready first", async () => {
    const leaving = { deletionTimestamp: "2026-01-01T00:00:00Z" };
    const cluster = new Answering(list(pod("api-1", false), pod("api-2", true, leaving), pod("api-3", true)));
    expect(await cluster.podsOf("dujyo-ci", "api")).toEqual(["api-3", "api-1"]);
    await expect(new Answering(list()).podsOf("dujyo-ci", "api")).rejects.toThrow(
      "No pod of api runs in dujyo-ci",
    );
  });

  it("tells what a user may not do with a kind of object, and with a part of one", async () => {
    const cluster = new Answering("true\nfalse\n");
    const actions = ["create jobs.batch", "create pods/portforward"];
    expect(await cluster.forbidden(actions, "dujyo-ci")).toEqual(["create pods/portforward"]);
    const asked = (JSON.parse(cluster.input) as { items: { spec: { resourceAttributes: object } }[] }).items;
    expect(asked.map(({ spec }) => spec.resourceAttributes)).toEqual([
      { verb: "create", resource: "jobs", subresource: "", group: "batch", namespace: "dujyo-ci" },
      { verb: "create", resource: "pods", subresource: "portforward", group: "", namespace: "dujyo-ci" },
    ]);
  });

  it("reads the files of a Secret, and says which one it lacks", async () => {
    const data = { "tls__ca.crt": Buffer.from("root").toString("base64") };
    const file = await new Answering(list({ data })).secretFiles("dujyo-ci", "prometheus-files");
    expect([file("tls__ca.crt"), file("none")]).toEqual(["root", ""]);
    await expect(new Answering(list()).secretFiles("dujyo-ci", "prometheus-files")).rejects.toThrow(
      /no Secret prometheus-files in dujyo-ci.*monitoring\.mode is operator/,
    );
  });
});
