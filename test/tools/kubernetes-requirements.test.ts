import { describe, expect, it } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { objectOf, refuseForeignCluster, withoutCutOff } from "../../tools/stack/kubernetes-heal.ts";
import { type Found, type Node, shortcomings } from "../../tools/stack/kubernetes-requirements.ts";
import { refuseProtected } from "../../tools/stack/on-kubernetes.ts";
import type { Snapshot, StateResource } from "../../tools/stack/snapshot.ts";

const named = (name: string, more: object = {}) => ({ metadata: { name, ...more } });

describe("a cluster", () => {
  const node = (name: string, zone: string, more: Partial<Node> = {}): Node => ({
    ...named(name, { labels: { "topology.kubernetes.io/zone": zone } }),
    status: { conditions: [{ type: "Ready", status: "True" }] },
    ...more,
  });
  const settings = (kubernetes: object) => parseSettings("prod", { target: "kubernetes", kubernetes });
  const whole: Found = {
    nodes: [node("a", "1"), node("b", "2"), node("c", "3")],
    storageClasses: [
      named("ssd", { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } }),
    ],
    priorityClasses: [named("high")],
    namespaces: [],
    secrets: [],
    kinds: [],
    forbidden: [],
  };
  const lacking = (kubernetes: object, found: Partial<Found> = {}) =>
    shortcomings("prod", settings(kubernetes), { ...whole, ...found });

  it("that has everything is accepted, also where the user may not look", () => {
    expect(lacking({ zones: 3, dataPriority: "high" })).toEqual([]);
    const blind = {
      nodes: undefined,
      storageClasses: undefined,
      priorityClasses: undefined,
      namespaces: undefined,
    };
    expect(lacking({ zones: 3, storageClass: "none", createNamespace: false }, blind)).toEqual([]);
  });

  it("that lacks something is refused with all of it, and what it has", () => {
    const asked = { zones: 3, storageClass: "disk", dataPriority: "highest", servicePriority: "high" };
    expect(lacking(asked, { nodes: [node("a", "1")] })).toEqual([
      'dujyo:kubernetes.storageClass is "disk", which the cluster does not have; it has: ssd.',
      'the cluster has no priority class "highest"; it has: high.',
      "dujyo:kubernetes.zones is 3, and the cluster's nodes are in 1; lower it, or add nodes in other zones.",
      "members go to nodes of their own, and the cluster has 1 of 1 nodes that are ready and take pods: " +
        "PostgreSQL takes 3 (dujyo:postgres.replicas), a shard of Redis takes 2 (dujyo:redis.replicasPerShard); " +
        'add nodes, lower those settings, or set dujyo:kubernetes.spread to "preferred".',
    ]);
  });

  it.each<[string, Partial<Node>]>([
    ["is cordoned", { spec: { unschedulable: true } }],
    ["is tainted", { spec: { taints: [{ effect: "NoSchedule" }] } }],
    ["is not ready", { status: { conditions: [{ type: "Ready", status: "Unknown" }] } }],
  ])("does not count a node that %s", (_, more) => {
    expect(lacking({}, { nodes: [node("a", "1"), node("b", "2"), node("c", "3", more)] })).toHaveLength(1);
    expect(lacking({ spread: "preferred" }, { nodes: [node("a", "1", more)] })).toEqual([]);
  });

  it("that forbids something says what", () => {
    expect(lacking({}, { forbidden: ["create jobs.batch"] })).toEqual([
      "this user may not create jobs.batch in namespace dujyo-prod; get the right to.",
    ]);
  });

  it("has the Prometheus Operator where its monitoring is the stack's", () => {
    const operated = parseSettings("prod", { target: "kubernetes", monitoring: { mode: "operator" } });
    const rules = "prometheusrules.monitoring.coreos.com";
    const monitors = "servicemonitors.monitoring.coreos.com";
    expect(shortcomings("prod", operated, { ...whole, kinds: [rules] })).toEqual([
      `the cluster does not know ${monitors}, which dujyo:monitoring.mode operator is about; install kube-prometheus-stack, or set it to bundled.`,
    ]);
    expect(shortcomings("prod", operated, { ...whole, kinds: [rules, monitors] })).toEqual([]);
    expect(lacking({})).toEqual([]);
  });

  it("has the namespace and the Secrets of a stack that does not make them", () => {
    const own = { createNamespace: false, pullSecret: "registry", ingress: { tlsSecret: "api-tls" } };
    expect(lacking(own)[0]).toMatch(/^there is no namespace dujyo-prod, and .*kubectl create namespace/);
    expect(lacking(own, { namespaces: [named("dujyo-prod")], secrets: ["registry"] })).toEqual([
      "namespace dujyo-prod does not enforce Pod Security's level restricted; kubectl label namespace dujyo-prod pod-security.kubernetes.io/enforce=restricted.",
      'namespace dujyo-prod has no Secret "api-tls", which the settings name; make it there.',
    ]);
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    const there = { namespaces: [named("dujyo-prod", { labels })], secrets: ["registry", "api-tls"] };
    expect(lacking(own, there)).toEqual([]);
  });

  it("can not get a Secret into a namespace that the stack is yet to make", () => {
    expect(() => settings({ pullSecret: "registry" })).toThrow(
      /kubernetes\.pullSecret is "registry".*set kubernetes\.createNamespace to false/,
    );
  });
});

const resource = (type: string, name: string, more: Partial<StateResource> = {}): StateResource => ({
  urn: `urn:pulumi:ci::dujyo::${type}::${name}`,
  type,
  id: name,
  ...more,
});
const CLAIM = "kubernetes:core/v1:PersistentVolumeClaim";
const claim = resource(CLAIM, "data-redis-0", {
  id: "dujyo-ci/data-redis-0",
  inputs: { metadata: { name: "data-redis-0", namespace: "dujyo-ci" } },
  outputs: { metadata: { uid: "uid-0" } },
});
const identity = resource("pulumi-nodejs:dynamic/secrets:Identity", "identity", { id: "mine" });
const snapshot = (
  resources: StateResource[],
  pending: Snapshot["deployment"]["pending_operations"] = [],
): Snapshot => ({ version: 3, deployment: { resources, pending_operations: pending } });

describe("a state and a cluster", () => {
  const live = (uid: string, owner: string) =>
    named("data-redis-0", { uid, labels: { "dujyo.io/identity": owner } });

  it("fit where the one knows what the other has, and where there is nothing yet", () => {
    const found = { namespaces: [], claims: [live("uid-0", "mine")] };
    expect(() => refuseForeignCluster("ci", snapshot([identity, claim]), found)).not.toThrow();
    expect(() => refuseForeignCluster("ci", undefined, { namespaces: [], claims: [] })).not.toThrow();
  });

  it("do not where the volumes are another state's", () => {
    const found = { namespaces: [], claims: [live("uid-0", "theirs")] };
    for (const state of [undefined, snapshot([identity])])
      expect(() => refuseForeignCluster("ci", state, found)).toThrow(
        /volumes of a stack "ci" that belongs to another state: data-redis-0[\s\S]*kubectl delete namespace/,
      );
  });

  it("do not where the volumes are on another cluster, whatever their names", () => {
    for (const claims of [[], [live("another-uid", "mine")]])
      expect(() =>
        refuseForeignCluster("ci", snapshot([identity, claim]), { namespaces: [], claims }),
      ).toThrow(/was made on another cluster[\s\S]*pulumi stack rm ci --force/);
  });
});

describe("what a run that was cut off has left", () => {
  const deployment = resource("kubernetes:apps/v1:Deployment", "api", {
    id: undefined,
    inputs: { metadata: { name: "api", namespace: "dujyo-ci" } },
  });
  const cut = (type: string) => snapshot([claim], [{ type, resource: deployment }]);

  it("is taken over where the cluster has it", () => {
    const { resources, pending_operations } = withoutCutOff(cut("creating"), () => true).deployment;
    expect(resources?.at(-1)).toMatchObject({ urn: deployment.urn, id: "dujyo-ci/api" });
    expect(pending_operations).toBeUndefined();
  });

  it("is forgotten where the cluster has not, or the state knows it", () => {
    expect(withoutCutOff(cut("creating"), () => false).deployment.resources).toEqual([claim]);
    expect(withoutCutOff(cut("updating"), () => true).deployment.resources).toEqual([claim]);
  });

  it("is asked for by its kind, group and name", () => {
    expect(objectOf(deployment)).toEqual({ kind: "Deployment.v1.apps", name: "api", namespace: "dujyo-ci" });
    expect(objectOf(claim)?.kind).toBe("PersistentVolumeClaim");
    expect(objectOf(identity)).toBeUndefined();
  });
});

describe("a protected volume", () => {
  it("is not given up without a word by hand", () => {
    const kept = snapshot([identity, { ...claim, protect: true }]);
    expect(() => refuseProtected("ci", kept)).toThrow(
      /1 resources of stack "ci" are protected: data-redis-0[\s\S]*pulumi state unprotect --all/,
    );
    expect(() => refuseProtected("ci", snapshot([claim]))).not.toThrow();
  });
});
