import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConnection } from "../../ops/connection-store.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { downOnKubernetes } from "../../tools/stack/on-kubernetes.ts";
import { stackSettings } from "../../tools/stack/settings.ts";
import { OTHER_NAMESPACE, OTHER_STACK, removeOther, upOther } from "./cluster-stack.ts";
import { kubectl } from "./objects.ts";
import { withOwner } from "./writer.ts";

/** What a stack is made of besides volumes and secrets, and what runs by itself. */
const KINDS =
  "pods,statefulsets,deployments,jobs,cronjobs,services,configmaps,networkpolicies,poddisruptionbudgets,roles,rolebindings,serviceaccounts";
/** The cluster makes the first two in every namespace; the others are what the electors know of the volumes. */
const STAYING = [
  ...["configmap/kube-root-ca.crt", "serviceaccount/default"],
  ...["config", "leader", "sync"].map((name) => `configmap/${OTHER_NAMESPACE}-${name}`),
];

const inOther = (args: readonly string[]) => kubectl(args, undefined, OTHER_NAMESPACE);

async function names(kinds: string): Promise<string[]> {
  const found = await inOther(["get", kinds, "--output=name"]);
  return found.trim().split("\n").filter(Boolean).sort();
}

/** Claims, each with what tells one that was made anew. */
const claims = () =>
  inOther([
    ...["get", "persistentvolumeclaims", "--output"],
    "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{'\\n'}{end}",
  ]);

describe("a stack that is removed from a real cluster", () => {
  beforeAll(() => upOther({ replicas: 1, synchronousReplicas: 1 }), 300_000);
  afterAll(removeOther, 180_000);

  it("leaves its volumes and what opens them, nothing else, and goes on with both", {
    timeout: 600_000,
  }, async () => {
    const first = await readConnection(OTHER_STACK, pulumiEnvironment(OTHER_STACK));
    await withOwner(
      first,
      (client) => client.query("CREATE TABLE kept AS SELECT 'before the removal' AS text"),
      OTHER_NAMESPACE,
    );
    const before = await claims();
    expect(before).toContain("data-postgres-1 ");

    await downOnKubernetes(OTHER_STACK, stackSettings(OTHER_STACK), false);
    await expect
      .poll(async () => (await names(KINDS)).filter((name) => !STAYING.includes(name)), {
        timeout: 60_000,
      })
      .toEqual([]);
    expect(await claims()).toBe(before);

    await upOther({ replicas: 1, synchronousReplicas: 1 });
    expect(await claims()).toBe(before);
    const again = await readConnection(OTHER_STACK, pulumiEnvironment(OTHER_STACK));
    const rows = await withOwner(
      again,
      async (client) => (await client.query<{ text: string }>("SELECT text FROM kept")).rows,
      OTHER_NAMESPACE,
    );
    expect(rows).toEqual([{ text: "before the removal" }]);
    expect(again.postgresPasswords).toEqual(first.postgresPasswords);
  });

  it("is refused to who would take protected volumes along, and stays as it is", {
    timeout: 600_000,
  }, async () => {
    await upOther({ replicas: 1, synchronousReplicas: 1 }, undefined, {
      kubernetes: { protectVolumes: true },
    });
    const before = await names(KINDS);
    await expect(downOnKubernetes(OTHER_STACK, stackSettings(OTHER_STACK), true)).rejects.toThrow(
      /resources of stack "ci-other" are protected.*Nothing was removed/s,
    );
    expect(await names(KINDS)).toEqual(before);
    await upOther({ replicas: 1, synchronousReplicas: 1 }, undefined, {
      kubernetes: { protectVolumes: false },
    });
  });
});
