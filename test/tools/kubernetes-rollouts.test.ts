import { describe, expect, it } from "vitest";
import { finishRollouts } from "../../tools/stack/kubernetes-rollouts.ts";

/** A cluster with these workloads, by kind, one of which may never get there. */
function cluster(workloads: Readonly<Record<string, readonly string[] | undefined>>, stuck?: string) {
  const asked: string[] = [];
  return {
    asked,
    list: async <T>([kind = ""]: readonly string[]) =>
      workloads[kind]?.map((name) => ({ metadata: { name } })) as T[] | undefined,
    kubectl: async (args: readonly string[]) => {
      const workload = args[2] ?? "";
      asked.push(workload);
      const fails = workload === stuck;
      const stderr = fails ? "error: timed out waiting for the condition\n" : "";
      return { code: fails ? 1 : 0, stdout: "Waiting for 1 pods to be ready...\n", stderr, timedOut: false };
    },
  };
}

const step = { origin: () => undefined, line: () => undefined, note: () => undefined };
const finish = (found: ReturnType<typeof cluster>) => finishRollouts(step, found, "ci", "dujyo-ci");

describe("the rollouts of a stack", () => {
  it("are waited for, those of every workload", async () => {
    const found = cluster({ "deployments.apps": ["api", "haproxy"], "statefulsets.apps": ["redis"] });
    await finish(found);
    expect(found.asked).toEqual([
      "deployments.apps/api",
      "deployments.apps/haproxy",
      "statefulsets.apps/redis",
    ]);
  });

  it("name the one that does not end, with what it waits for and the way out", async () => {
    const found = cluster(
      { "deployments.apps": ["api"], "statefulsets.apps": ["redis"] },
      "statefulsets.apps/redis",
    );
    await expect(finish(found)).rejects.toThrow(
      /statefulsets\.apps\/redis of "ci" .*timed out waiting.*kubectl --namespace=dujyo-ci describe statefulsets\.apps\/redis/,
    );
  });

  it("are not asked for by who may not see them", async () => {
    const found = cluster({ "deployments.apps": undefined, "statefulsets.apps": undefined });
    await finish(found);
    expect(found.asked).toEqual([]);
  });
});
