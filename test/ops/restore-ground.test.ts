import { describe, expect, it } from "vitest";
import type { Member } from "../../ops/inventory.ts";
import { KubernetesGround } from "../../ops/restore/kubernetes-ground.ts";
import type { RunningStack } from "../../ops/running-stack.ts";
import { Cluster } from "../../tools/stack/kubernetes-cluster.ts";

const MEMBERS = ["postgres-0", "postgres-1", "postgres-2"] as const;

/** A stack whose members note what happens to them. */
function stackOf(state: Partial<Record<string, string>> = {}) {
  const done: string[] = [];
  const member = (name: string): Member => {
    const is = state[name] ?? "running";
    return { name, part: "postgres", running: is === "running", state: is };
  };
  const platform = {
    exec: async ({ name }: Member, command: readonly string[]) => {
      done.push(`order ${name} ${JSON.parse(command.at(-1) ?? "").founder}`);
      return { code: 0, stdout: "", stderr: "", timedOut: false };
    },
    restart: async ({ name }: Member) => {
      done.push(`restart ${name}`);
    },
  };
  const stack = { name: "prod", platform, member } as unknown as RunningStack;
  return { done, stack, ground: new KubernetesGround(stack, {} as Cluster, "dujyo-prod") };
}

describe("on Kubernetes, what is restored", () => {
  it("goes from the repository's pod into the pod of a member, through the official client", async () => {
    const { stack } = stackOf();
    const ground = new KubernetesGround(stack, new Cluster("production"), "dujyo-prod");
    const [program, args] = await ground.onVolumes("postgres-1", ["tar", "--extract"]);
    expect(program).toMatch(/kubectl$/);
    const where = ["--context", "production", "--namespace=dujyo-prod"];
    const into = ["exec", "--stdin", "postgres-1", "--container=postgres", "--", "tar", "--extract"];
    expect(args).toEqual([...where, ...into]);
  });
});

describe("on Kubernetes, members begin anew", () => {
  it("by one that did not lead, which starts first; the leader stops last", async () => {
    const { done, ground } = stackOf();
    const founder = ground.founder(MEMBERS, "postgres-0");
    await ground.begin({ founder, members: MEMBERS, options: [] }, "postgres-0");
    expect(done).toEqual([
      ...MEMBERS.map((name) => `order ${name} postgres-1`),
      "restart postgres-1",
      "restart postgres-2",
      "restart postgres-0",
    ]);
  });

  it("by the one that there is", () => {
    expect(stackOf().ground.founder(["postgres-0"], "postgres-0")).toBe("postgres-0");
  });

  it("not while one can not be told, and none is touched", async () => {
    const { done, ground } = stackOf({ "postgres-2": "CrashLoopBackOff" });
    await expect(ground.begin({ founder: "postgres-1", members: MEMBERS }, "postgres-0")).rejects.toThrow(
      /postgres-2 is CrashLoopBackOff: it can not be told to begin anew/,
    );
    expect(done).toEqual([]);
  });
});
