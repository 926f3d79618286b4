import { describe, expect, it } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { shortcomings } from "../../tools/stack/kubernetes-cluster.ts";
import { dataLosses, objections, type PlanStep, plannedObjects } from "../../tools/stack/plan-guard.ts";

const urn = (type: string, name: string) =>
  `urn:pulumi:prod::dujyo::dujyo:index:PostgresCluster$dujyo:kubernetes:Workload$${type}::${name}`;
const CLAIM = "kubernetes:core/v1:PersistentVolumeClaim";
const step = (op: string, type: string, name: string, more: Partial<PlanStep> = {}): PlanStep => ({
  op,
  urn: urn(type, name),
  ...more,
});

describe("the plan guard", () => {
  it("names the volume that would be replaced, once, and why", () => {
    const plan = {
      steps: [
        step("delete-replaced", CLAIM, "data-postgres-0"),
        step("replace", CLAIM, "data-postgres-0", { replaceReasons: ["spec.resources"] }),
        step("create-replacement", CLAIM, "data-postgres-0", { replaceReasons: ["spec.resources"] }),
      ],
    };
    const [sentence, ...others] = dataLosses(plan);
    expect(others).toEqual([]);
    expect(sentence).toMatch(/^would replace data-postgres-0 .* since spec\.resources changes/);
    expect(sentence).toContain("pulumi state unprotect");
  });

  it("names passwords and roots, which the data opens with", () => {
    const plan = { steps: [step("delete", "pulumi-nodejs:dynamic/secrets:Password", "postgres-owner")] };
    expect(dataLosses(plan)[0]).toContain("would delete postgres-owner");
  });

  it("lets pods, files and jobs be replaced", () => {
    const plan = {
      steps: [
        step("replace", "kubernetes:batch/v1:Job", "migrate"),
        step("replace", "kubernetes:core/v1:Secret", "api-files"),
        step("replace", "docker:index/volume:Volume", "api-0-files"),
        step("update", CLAIM, "data-postgres-0"),
        step("create", CLAIM, "data-postgres-3"),
      ],
    };
    expect(dataLosses(plan)).toEqual([]);
  });

  it("holds what there would be against the policies of the stack", () => {
    const inputs = {
      metadata: { name: "api" },
      spec: { replicas: 1, template: { spec: { containers: [{ name: "api", image: "api:latest" }] } } },
    };
    const steps = [
      step("update", "kubernetes:apps/v1:Deployment", "api", { newState: { inputs } }),
      step("delete", "kubernetes:apps/v1:Deployment", "old", { newState: { inputs } }),
    ];
    expect(plannedObjects({ steps })).toHaveLength(1);
    const against = objections("prod", parseSettings("prod", { target: "kubernetes" }), { steps });
    expect(against).toContain(
      "images have a version: Deployment api api runs api:latest; name a version or a digest",
    );
  });
});

describe("a cluster", () => {
  const named = (name: string, more: object = {}) => ({ metadata: { name, ...more } });
  const node = (name: string, zone: string) =>
    named(name, { labels: { "topology.kubernetes.io/zone": zone } });
  const settings = (kubernetes: object) => parseSettings("prod", { target: "kubernetes", kubernetes });
  const whole = {
    nodes: [node("a", "1"), node("b", "2"), node("c", "3")],
    storageClasses: [
      named("ssd", { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } }),
    ],
    priorityClasses: [named("high")],
  };

  it("that has everything is accepted, also where the user may not look", () => {
    expect(shortcomings(settings({ zones: 3, dataPriority: "high" }), whole)).toEqual([]);
    const blind = { nodes: undefined, storageClasses: undefined, priorityClasses: undefined };
    expect(shortcomings(settings({ zones: 3, storageClass: "none" }), blind)).toEqual([]);
  });

  it("that lacks something is refused with all of it, and what it has", () => {
    const found = shortcomings(
      settings({ zones: 3, storageClass: "disk", dataPriority: "highest", servicePriority: "high" }),
      { ...whole, nodes: [node("a", "1")] },
    );
    expect(found).toEqual([
      'dujyo:kubernetes.storageClass is "disk", which the cluster does not have; it has: ssd.',
      'the cluster has no priority class "highest"; it has: high.',
      "dujyo:kubernetes.zones is 3, and the cluster's nodes are in 1; lower it, or add nodes in other zones.",
      'the cluster has 1 node, which spreads nothing; add nodes, or set dujyo:kubernetes.spread to "preferred".',
    ]);
  });
});
