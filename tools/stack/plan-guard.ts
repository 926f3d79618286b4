import { levelOf, violations } from "../../infra/policies/index.ts";
import type { KubernetesObject } from "../../infra/policies/objects.ts";
import type { Settings } from "../../infra/settings/schema.ts";

/** The parts of `pulumi preview --json` that are looked at. */
export interface Plan {
  readonly steps?: readonly PlanStep[];
}

export interface PlanStep {
  /** `same`, `create`, `update`, `delete`, `replace`, `create-replacement`, `delete-replaced` and so on. */
  readonly op: string;
  readonly urn: string;
  readonly newState?: { readonly type?: string; readonly inputs?: Record<string, unknown> };
  readonly replaceReasons?: readonly string[] | null;
}

/** What data lies on, and what data opens with: whoever loses one of them loses the data. */
const HOLDS_DATA = [
  "kubernetes:core/v1:PersistentVolumeClaim",
  "kubernetes:core/v1:Namespace",
  "docker:index/volume:Volume",
  "pulumi-nodejs:dynamic/secrets:Password",
  "pulumi-nodejs:dynamic/secrets:CertificateAuthority",
  "pulumi-nodejs:dynamic/secrets:Identity",
];

const LOSES = /^(delete|replace|delete-replaced|create-replacement|discard)/;

function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** Sentences on what the plan would take away that holds data; none where it takes nothing. */
export function dataLosses(plan: Plan): string[] {
  const lost = new Map<string, string>();
  for (const { op, urn, replaceReasons } of plan.steps ?? []) {
    if (!LOSES.test(op) || !HOLDS_DATA.includes(typeOf(urn)) || !holdsData(urn)) continue;
    const why = replaceReasons?.length ? ` since ${replaceReasons.join(", ")} changes` : "";
    const how = op === "delete" ? "delete" : "replace";
    lost.set(
      urn,
      `would ${how} ${nameOf(urn)} (${typeOf(urn)})${why}, and the data with it. Set back what changed; or, where the ` +
        "data is to go, remove its protection by hand first (pulumi state unprotect)",
    );
  }
  return [...lost.values()];
}

/** A volume that only carries files is filled anew. */
function holdsData(urn: string): boolean {
  return !(typeOf(urn).startsWith("docker:") && nameOf(urn).endsWith("-files"));
}

/** The Kubernetes objects that there would be after the plan. */
export function plannedObjects(plan: Plan): KubernetesObject[] {
  const objects = new Map<string, KubernetesObject>();
  for (const { op, urn, newState } of plan.steps ?? []) {
    const type = typeOf(urn);
    if (!type.startsWith("kubernetes:") || !newState?.inputs || op.startsWith("delete")) continue;
    objects.set(urn, {
      ...(newState.inputs as unknown as KubernetesObject),
      kind: type.split(":").at(-1) as string,
    });
  }
  return [...objects.values()];
}

/**
 * Everything that speaks against carrying out a plan: data that would go, policies that would be broken.
 *
 * @param stack by whose name the level of the policies is chosen
 */
export function objections(stack: string, settings: Settings, plan: Plan): string[] {
  const broken =
    settings.target === "kubernetes"
      ? violations({ objects: plannedObjects(plan), settings }, levelOf(stack)).map(
          ({ policy, at, reason }) => `${policy}: ${at} ${reason}`,
        )
      : [];
  return [...dataLosses(plan), ...broken];
}
