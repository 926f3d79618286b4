import { describe, expect, inject, it } from "vitest";
import { IMAGE_NAMES, imageRef } from "../../infra/images.ts";
import { violations } from "../../infra/policies/index.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { Pulumi } from "../../tools/stack/pulumi.ts";
import { objectsOf, wholeProgram } from "../support/whole-program.ts";
import { ask } from "./api-load.ts";
import { NAMESPACE, STACK } from "./cluster-stack.ts";
import { addressOf, client, isReady, kubectl, pods } from "./objects.ts";

/** As after the images have been pushed. */
const PUSHED = Object.fromEntries(
  IMAGE_NAMES.map((name) => [name, `${imageRef(name).split(":").at(-1)}@sha256:${"a".repeat(64)}`]),
);

/** What an instance of the API may take to start. */
const READY_MS = 60_000;

describe("the small stack on a real cluster", () => {
  it("has every pod ready, under Pod Security's level restricted, from the project's images", async () => {
    const notReady = async () =>
      (await pods()).filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name);
    // The autoscaler may have just asked for one more.
    await expect.poll(notReady, { timeout: READY_MS }).toEqual([]);
    expect((await pods()).length).toBeGreaterThanOrEqual(13);
    const namespace = JSON.parse(await kubectl(["get", "namespace", NAMESPACE, "--output=json"]));
    expect(namespace.metadata.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
    const images = await kubectl(["get", "pods", "--output=jsonpath={.items[*].spec.containers[*].image}"]);
    expect(images.split(" ")).toContain(imageRef("postgres"));
  });

  it("answers, with its database and its cache healthy", async () => {
    const { status, body } = await ask(await addressOf("api"), "/health/detailed");
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      database: { status: "healthy", read_replicas_healthy: 2 },
      cache: { status: "healthy" },
    });
  });

  it("answers from the ledger that it was filled with", async () => {
    const { status, body } = await ask(await addressOf("api"), "/holders/top");
    expect(status).toBe(200);
    const { holders } = JSON.parse(body) as { holders: { address: string; rank: number }[] };
    expect(holders.map(({ rank }) => rank).slice(0, 3)).toEqual([1, 2, 3]);
    const found = await ask(await addressOf("api"), `/balance/${holders[0]?.address}`);
    expect(found.status).toBe(200);
  });

  it("is what the program says: nothing to change", async () => {
    const pulumi = new Pulumi(STACK, pulumiEnvironment(STACK));
    const args = ["preview", "--expect-no-changes", "--stack", STACK];
    const { code, stdout } = await pulumi.run(args);
    expect(code, stdout).toBe(0);
  });

  it("keeps no password readable in its state, and none in a pod", async () => {
    const { postgresPasswords, redisPasswords } = inject("clusterConnection");
    const pulumi = new Pulumi(STACK, pulumiEnvironment(STACK));
    const state = await pulumi.mustRun(["stack", "export", "--stack", STACK]);
    const makers = await kubectl(["get", "pods,statefulsets,deployments,jobs", "--output=json"]);
    for (const password of [...Object.values(postgresPasswords), ...Object.values(redisPasswords)])
      for (const form of [password, Buffer.from(password).toString("base64")]) {
        expect(state).not.toContain(form);
        expect(makers).not.toContain(form);
      }
  });

  it("lets the electors do in their namespace what an election takes, and nothing else", async () => {
    const account = `system:serviceaccount:${NAMESPACE}:elector`;
    const may = async (...args: string[]) =>
      (await kubectl(["auth", "can-i", ...args, "--as", account]).catch(() => "no")).trim();
    expect(await may("patch", "configmaps")).toBe("yes");
    expect(await may("patch", "pods")).toBe("yes");
    expect(await may("get", "secrets")).toBe("no");
    expect(await may("delete", "pods")).toBe("no");
    expect(await may("list", "pods", "--namespace=kube-system")).toBe("no");
    expect(await may("get", "nodes")).toBe("no");
  });
});

describe.each(["staging", "prod"])("every object of %s", (stack) => {
  it("passes the API server's own validation and its level restricted", { timeout: 300_000 }, async () => {
    const namespace = `dry-run-${stack}`;
    await kubectl(["create", "namespace", namespace]);
    try {
      await kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/warn=restricted"]);
      const { registered, settings } = await wholeProgram(stack, { kubernetes: { digests: PUSHED } });
      const objects = objectsOf(registered).filter(({ kind }) => kind !== "Namespace");
      expect(objects.length).toBeGreaterThan(60);
      const placed = objects.map((object) => ({
        ...object,
        metadata: { ...object.metadata, namespace },
        ...(object.kind === "RoleBinding"
          ? { subjects: [{ kind: "ServiceAccount", name: "elector", namespace }] }
          : {}),
      }));
      const { stdout, stderr } = await client.kubectl(
        ["create", "--dry-run=server", "--namespace", namespace, "--output=name", "-f", "-"],
        JSON.stringify({ apiVersion: "v1", kind: "List", items: placed }),
        180,
      );
      // Warnings, of Pod Security among others, come without failing. This one comes for every headless service.
      const warnings = stderr.split("\n").filter((line) => line !== "" && !line.includes("SessionAffinity"));
      expect(warnings).toEqual([]);
      expect(stdout.trim().split("\n")).toHaveLength(objects.length);
      expect(violations({ objects, settings }, settings.kubernetes.policies)).toEqual([]);
    } finally {
      await kubectl(["delete", "namespace", namespace, "--wait=false"]);
    }
  });
});
