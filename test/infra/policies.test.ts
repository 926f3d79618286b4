import { beforeAll, describe, expect, it } from "vitest";
import { IMAGE_NAMES, imageRef } from "../../infra/images.ts";
import { policiesOf, violations } from "../../infra/policies/index.ts";
import { type KubernetesObject, type PodSpec, podMakers } from "../../infra/policies/objects.ts";
import { restrictedViolations } from "../../infra/policies/restricted.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { type Given, objectsOf, wholeProgram } from "../support/whole-program.ts";

/** What `npm run images -- push` would have written down. */
const PUSHED = Object.fromEntries(
  IMAGE_NAMES.map((name) => [name, `${imageRef(name).split(":")[1]}@sha256:${"a".repeat(64)}`]),
);

interface Stack {
  readonly settings: Settings;
  readonly objects: KubernetesObject[];
}

const stacks: Record<string, Stack> = {};

// The whole program is evaluated once for each stack, which takes seconds on a busy machine.
beforeAll(async () => {
  for (const stack of ["ci", "staging", "prod"]) {
    const changes: Given = stack === "prod" ? { kubernetes: { digests: PUSHED } } : {};
    const { settings, registered } = await wholeProgram(stack, changes);
    stacks[stack] = { settings, objects: objectsOf(registered) };
  }
}, 180_000);

const at = (stack: string) => stacks[stack] as Stack;

describe("the stacks", () => {
  it.each(["ci", "staging", "prod"])("%s keeps every policy of its level", (stack) => {
    expect(violations(at(stack), at(stack).settings.kubernetes.policies)).toEqual([]);
  });

  it("of production are held to more than staging, and staging to more than throw-away ones", () => {
    const names = (stack: string) =>
      policiesOf(at(stack).settings.kubernetes.policies).map(({ name }) => name);
    expect(names("staging")).toEqual(expect.arrayContaining(names("ci")));
    expect(names("prod")).toEqual(expect.arrayContaining(names("staging")));
    expect(names("prod").length).toBeGreaterThan(names("staging").length);
  });

  it("guard in production whatever they guard in staging", () => {
    const guards = (stack: string) =>
      at(stack)
        .objects.filter(({ kind }) =>
          /^(NetworkPolicy|PodDisruptionBudget|Role|RoleBinding|Ingress)$/.test(kind),
        )
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(guards("staging").length).toBeGreaterThan(10);
    expect(guards("prod")).toEqual(expect.arrayContaining(guards("staging")));
    const spread = (stack: string) =>
      podMakers(at(stack).objects).flatMap(({ at: maker, pod }) =>
        (pod.topologySpreadConstraints ?? []).map(
          (rule) => `${maker} ${rule.topologyKey} ${rule.whenUnsatisfiable}`,
        ),
      );
    expect(spread("prod")).toEqual(expect.arrayContaining(spread("staging")));
  });

  it("ask for no right beyond their namespace", () => {
    for (const stack of ["ci", "staging", "prod"])
      expect(
        at(stack).objects.filter(({ kind }) => /^(ClusterRole|StorageClass|PersistentVolume$)/.test(kind)),
      ).toEqual([]);
  });

  it("carry no password in an environment or a command", () => {
    for (const { pod } of podMakers(at("prod").objects))
      expect(JSON.stringify([pod.containers, pod.initContainers])).not.toMatch(/(password|key)-of-/);
  });
});

describe("a broken policy", () => {
  it("names the digest that is missing in production", () => {
    const { settings, objects } = at("staging");
    const found = violations({ settings, objects }, "production");
    expect(found.map(({ policy }) => policy)).toContain("images are known by their digest");
    expect(found.map(({ policy }) => policy)).toContain("spread over zones");
  });

  it("is found for each guard that is taken away", () => {
    const { settings, objects } = at("prod");
    const without = (kind: string) =>
      violations({ settings, objects: objects.filter((object) => object.kind !== kind) }, "production").map(
        ({ policy }) => policy,
      );
    expect(without("PodDisruptionBudget")).toContain("disruption budget");
    expect(without("NetworkPolicy")).toContain("nothing is reached unless it has to be");
  });

  it("is found for a quorum that one node could take along", async () => {
    const { settings, registered } = await wholeProgram("staging", { kubernetes: { spread: "preferred" } });
    const found = violations({ settings, objects: objectsOf(registered) }, "shared");
    expect(
      found.filter(({ policy }) => policy === "members of a quorum apart").map(({ at: where }) => where),
    ).toEqual(["StatefulSet postgres"]);
  });

  it("is found in settings, with the way out", () => {
    const { settings, objects } = at("prod");
    const kubernetes = { ...settings.kubernetes, encryptedStorage: false, protectVolumes: false };
    expect(
      violations({ settings: { ...settings, kubernetes }, objects }, "production").map(
        ({ at: where }) => where,
      ),
    ).toEqual(["kubernetes.protectVolumes", "kubernetes.encryptedStorage"]);
  });
});

describe("the level restricted", () => {
  const good: PodSpec = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name: "main",
        image: "a:1",
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      },
    ],
    volumes: [{ name: "tmp", emptyDir: {} }],
  };
  const main = good.containers[0] as PodSpec["containers"][number];

  it("is met by a pod that meets it", () => expect(restrictedViolations(good)).toEqual([]));

  it.each<[string, Partial<PodSpec>, string]>([
    [
      "a volume of the node",
      { volumes: [{ name: "etc", hostPath: { path: "/etc" } }] },
      "mounts a hostPath (etc)",
    ],
    ["the node's network", { hostNetwork: true }, "asks for hostNetwork"],
    ["no seccomp profile", { securityContext: { runAsNonRoot: true } }, "main has no seccomp profile"],
    [
      "a root user",
      { securityContext: { ...good.securityContext, runAsNonRoot: false } },
      "main may run as root",
    ],
    [
      "a capability",
      {
        containers: [
          {
            ...main,
            securityContext: { ...main.securityContext, capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } },
          },
        ],
      },
      "main adds capability SYS_ADMIN",
    ],
    [
      "a step before that is privileged",
      {
        initContainers: [
          { ...main, name: "first", securityContext: { ...main.securityContext, privileged: true } },
        ],
      },
      "first is privileged",
    ],
  ])("refuses %s", (_, change, sentence) => {
    expect(restrictedViolations({ ...good, ...change })).toEqual([sentence]);
  });
});
