import type { Settings } from "../settings/schema.ts";
import { containersOf, type KubernetesObject, matches, type PodMaker, podMakers } from "./objects.ts";
import { restrictedViolations } from "./restricted.ts";

/** What a policy looks at: the objects of a stack and the settings that they are made of. */
export interface Rendered {
  readonly objects: readonly KubernetesObject[];
  readonly settings: Settings;
}

/** One thing that breaks a policy. */
export interface Violation {
  readonly policy: string;
  /** Object or setting. */
  readonly at: string;
  /** What is wrong and the way out. */
  readonly reason: string;
}

/** Throw-away stacks keep the policies of `all`, shared ones those of `shared` as well, production every one. */
export type Level = Settings["kubernetes"]["policies"];

export interface Policy {
  readonly name: string;
  readonly level: Level;
  check(rendered: Rendered): Omit<Violation, "policy">[];
}

/** From the least to the most demanding. */
export const LEVELS: readonly Level[] = ["all", "shared", "production"];

/** Policies that a stack of this level has to meet: those of every lower level, and its own. */
export function policiesOf(level: Level): Policy[] {
  return POLICIES.filter((policy) => LEVELS.indexOf(policy.level) <= LEVELS.indexOf(level));
}

/** All policies of `level` that the stack breaks; empty when it may be deployed. */
export function violations(rendered: Rendered, level: Level): Violation[] {
  return policiesOf(level).flatMap((policy) =>
    policy.check(rendered).map((found) => ({ policy: policy.name, ...found })),
  );
}

/** A policy on everything that makes pods. */
function onPods(
  name: string,
  level: Level,
  check: (maker: PodMaker, rendered: Rendered) => readonly string[],
): Policy {
  return {
    name,
    level,
    check: (rendered) =>
      podMakers(rendered.objects).flatMap((maker) =>
        check(maker, rendered).map((reason) => ({ at: maker.at, reason })),
      ),
  };
}

/** A policy on one setting. */
function onSetting(
  name: string,
  level: Level,
  at: string,
  broken: (settings: Settings) => string | undefined,
): Policy {
  return {
    name,
    level,
    check({ settings }) {
      const reason = broken(settings);
      return reason === undefined ? [] : [{ at, reason }];
    },
  };
}

/** Label of the members that elect a leader. */
const ELECTION_LABEL = "dujyo.io/election";

const SECRET_NAME = /(PASSWORD|PASSPHRASE|SECRET|TOKEN|PRIVATE_KEY|API_KEY)$/;

const POLICIES: readonly Policy[] = [
  onPods("images have a version", "all", ({ pod }) =>
    containersOf(pod)
      .filter(({ image }) => !/(:[^/:]+|@sha256:[0-9a-f]{64})$/.test(image) || /:latest$/.test(image))
      .map(({ name, image }) => `${name} runs ${image}; name a version or a digest`),
  ),
  onPods("images are known by their digest", "production", ({ pod }) =>
    containersOf(pod)
      .filter(({ image }) => !/@sha256:[0-9a-f]{64}$/.test(image))
      .map(
        ({ name, image }) =>
          `${name} runs ${image}, which a registry may change; push it: npm run images -- push --stack <stack>`,
      ),
  ),
  onPods("no secret in an environment", "all", ({ pod }) =>
    containersOf(pod).flatMap(({ name, env = [] }) =>
      env
        // A field of the pod itself is none.
        .filter(
          ({ name: variable, valueFrom }) =>
            (valueFrom !== undefined && !("fieldRef" in valueFrom)) || SECRET_NAME.test(variable),
        )
        .map((variable) => `${name} gets ${variable.name} in its environment; hand it over as a file`),
    ),
  ),
  onPods("requests and limits", "all", ({ pod }) =>
    containersOf(pod).flatMap(({ name, resources }) =>
      (["requests", "limits"] as const).flatMap((kind) =>
        ["cpu", "memory"]
          .filter((what) => !resources?.[kind]?.[what])
          .map((what) => `${name} has no ${kind}.${what}; set it`),
      ),
    ),
  ),
  onPods("pod security restricted", "all", ({ pod }) =>
    restrictedViolations(pod).map((text) => `${text}; Pod Security's level restricted forbids it`),
  ),
  onPods("read-only root file system", "all", ({ pod }) =>
    containersOf(pod)
      .filter(({ securityContext }) => securityContext?.readOnlyRootFilesystem !== true)
      .map(({ name }) => `${name} may write to its image; mount a volume where it has to write`),
  ),
  onPods("no token unasked", "all", ({ pod }) =>
    pod.automountServiceAccountToken !== false && pod.serviceAccountName === undefined
      ? ["gets a token for the cluster's API; set automountServiceAccountToken to false"]
      : [],
  ),
  onPods("checks", "all", ({ kind, pod }) =>
    kind === "Job"
      ? []
      : pod.containers
          // What stands beside the first one must not decide on it.
          .slice(0, 1)
          .filter((at) => !at.livenessProbe || !at.readinessProbe || !at.startupProbe)
          .map(({ name }) => `${name} lacks a startup, readiness or liveness probe; give it all three`),
  ),
  onPods("disruption budget", "all", ({ kind, labels, replicas }, { objects }) => {
    if (kind === "Job" || replicas < 2) return [];
    const budgets = objects.filter(
      ({ kind: other, spec }) =>
        other === "PodDisruptionBudget" &&
        matches(labels, (spec?.selector as { matchLabels?: Record<string, string> })?.matchLabels),
    );
    return budgets.length === 1
      ? []
      : [`is replicated and has ${budgets.length} disruption budgets; it needs one`];
  }),
  onPods("spread over nodes", "shared", ({ kind, replicas, pod }) =>
    kind === "Job" || replicas < 2 || hardSpread(pod, "kubernetes.io/hostname")
      ? []
      : ['is replicated and may lie on one node; set kubernetes.spread to "required"'],
  ),
  onPods("members of a quorum apart", "shared", ({ labels, replicas, pod }) =>
    labels[ELECTION_LABEL] === undefined || replicas < 2 || neverTogether(pod)
      ? []
      : ['elects a leader and may have two members on one node; set kubernetes.spread to "required"'],
  ),
  onPods("spread over zones", "production", ({ kind, replicas, pod }) =>
    kind === "Job" || replicas < 2 || hardSpread(pod, "topology.kubernetes.io/zone")
      ? []
      : ["is replicated and may lie in one zone; set kubernetes.zones to 2 or more"],
  ),
  onPods("priority", "shared", ({ pod }) =>
    pod.priorityClassName
      ? []
      : ["has no priority class; set kubernetes.dataPriority and kubernetes.servicePriority"],
  ),
  {
    name: "nothing is reached unless it has to be",
    level: "all",
    check: ({ objects }) => {
      const denied = objects.some(
        ({ kind, spec }) =>
          kind === "NetworkPolicy" &&
          spec?.ingress === undefined &&
          spec?.egress === undefined &&
          JSON.stringify(spec?.policyTypes) === '["Ingress","Egress"]',
      );
      return denied ? [] : [{ at: "NetworkPolicy", reason: "nothing denies by default; add default-deny" }];
    },
  },
  {
    name: "TLS at the entry",
    level: "all",
    check: ({ objects }) =>
      objects
        .filter(
          ({ kind, spec }) =>
            kind === "Ingress" && !(spec?.tls as { secretName?: string }[] | undefined)?.[0]?.secretName,
        )
        .map(() => ({
          at: "kubernetes.ingress.tlsSecret",
          reason: "is empty; name the certificate's Secret",
        })),
  },
  onSetting(
    "the entry's controller is known",
    "all",
    "kubernetes.ingress.controllerNamespace",
    (settings) => {
      const { host, controllerNamespace } = settings.kubernetes.ingress;
      return host !== "" && controllerNamespace === ""
        ? "is empty, so that nobody is let in; name the ingress controller's namespace"
        : undefined;
    },
  ),
  onSetting("admin routes ask who comes", "all", "api.adminAuth", ({ api }) =>
    api.adminAuth ? undefined : "is false; remove it",
  ),
  onSetting("volumes are protected", "shared", "kubernetes.protectVolumes", (settings) =>
    settings.kubernetes.protectVolumes ? undefined : "is false; remove it",
  ),
  onSetting("volumes are encrypted", "shared", "kubernetes.encryptedStorage", ({ kubernetes }) =>
    kubernetes.encryptedStorage && kubernetes.storageClass !== ""
      ? undefined
      : "is false, or no class is named; name a class that encrypts and set it to true",
  ),
  onSetting("images come from a registry", "shared", "kubernetes.registry", ({ kubernetes }) =>
    kubernetes.registry === "" ? "is empty; name the registry that the nodes pull from" : undefined,
  ),
  onSetting("the data is real", "shared", "ledger.data", ({ ledger }) =>
    ledger.data === "none" ? undefined : `is ${ledger.data}; invented data is for throw-away stacks`,
  ),
];

function hardSpread(pod: PodMaker["pod"], topologyKey: string): boolean {
  return (pod.topologySpreadConstraints ?? []).some(
    (rule) => rule.topologyKey === topologyKey && rule.whenUnsatisfiable === "DoNotSchedule",
  );
}

function neverTogether(pod: PodMaker["pod"]): boolean {
  const rules = pod.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return rules.some((rule) => rule.topologyKey === "kubernetes.io/hostname");
}
