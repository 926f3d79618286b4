import { violations } from "../../infra/policies/index.ts";
import type { KubernetesObject } from "../../infra/policies/objects.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { Failure } from "../failure.ts";
import type { StorageClass } from "./kubernetes-requirements.ts";
import { errorsOf, nameOf, type Plan, typeOf } from "./plan.ts";
import { CLAIM, growthObjections } from "./volume-growth.ts";

/** What data lies on, and what data opens with: whoever loses one of them loses the data. */
const PASSWORD = "pulumi-nodejs:dynamic/secrets:Password";
const HOLDS_DATA = [
  CLAIM,
  "kubernetes:core/v1:Namespace",
  "docker:index/volume:Volume",
  PASSWORD,
  "pulumi-nodejs:dynamic/secrets:CertificateAuthority",
  "pulumi-nodejs:dynamic/secrets:Identity",
];

const VOLUMES = [CLAIM, "docker:index/volume:Volume"];
const SECRET = /^pulumi-nodejs:dynamic\/secrets:/;

/** The pooler's, of a stack that was brought up before it logged in with its certificate. */
const RETIRED = "postgres-pgbouncer";

const LOSES = /^(delete|replace|delete-replaced|create-replacement|discard)/;

/** Sentences on what the plan would take away that holds data; none where it takes nothing. */
export function dataLosses(plan: Plan): string[] {
  const lost = new Map<string, string>();
  const rotated = rotatedPasswords(plan);
  for (const { op, urn, oldState, replaceReasons } of plan.steps ?? []) {
    if (!LOSES.test(op) || !HOLDS_DATA.includes(typeOf(urn)) || !holdsData(urn)) continue;
    if (op === "delete" && (rotated.has(urn) || nameOf(urn) === RETIRED)) continue;
    // Members that leave take their volumes along; those volumes had their protection taken away, or never had any.
    if (op === "delete" && VOLUMES.includes(typeOf(urn)) && oldState && !oldState.protect) continue;
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

/** A volume that only carries files is filled anew, and what the monitoring's pages open with goes with them. */
function holdsData(urn: string): boolean {
  const files = typeOf(urn).startsWith("docker:") && nameOf(urn).endsWith("-files");
  return !files && !(SECRET.test(typeOf(urn)) && urn.includes("dujyo:index:Monitoring$"));
}

/** Passwords beside which the plan leaves one of another number, for the same purpose: a rotation is done with them. */
function rotatedPasswords({ steps = [] }: Plan): ReadonlySet<string> {
  const purpose = (urn: string) => urn.replace(/-\d+$/, "");
  const passwords = steps.filter(({ urn }) => typeOf(urn) === PASSWORD);
  const kept = new Set(passwords.filter(({ op }) => op === "same").map(({ urn }) => purpose(urn)));
  return new Set(passwords.filter(({ urn }) => kept.has(purpose(urn))).map(({ urn }) => urn));
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
 * Everything that speaks against carrying out a plan: data that would go, sizes that volumes can not have, policies that
 * would be broken.
 *
 * @param classes storage classes of the cluster; undefined where this user may not look at them
 */
export function objections(settings: Settings, plan: Plan, classes?: readonly StorageClass[]): string[] {
  const { target, kubernetes } = settings;
  const broken =
    target === "kubernetes"
      ? violations({ objects: plannedObjects(plan), settings }, kubernetes.policies).map(
          ({ policy, at, reason }) => `${policy}: ${at} ${reason}`,
        )
      : [];
  return [...dataLosses(plan), ...growthObjections(plan, classes), ...broken];
}

/**
 * Lets a plan pass that nothing speaks against.
 *
 * @throws Failure with all objections, and with what the engine itself has against it
 */
export function refuseBadPlan(settings: Settings, plan: Plan, classes?: readonly StorageClass[]): void {
  const against = objections(settings, plan, classes);
  const errors = errorsOf(plan);
  const refused = [
    ...(against.length > 0
      ? ["This plan is refused; nothing was changed:", ...against.map((line) => `  ${line}`)]
      : []),
    ...(errors.length > 0
      ? ["The engine says:", ...errors.map((text) => `  ${text.replaceAll("\n", "\n  ")}`)]
      : []),
  ];
  if (refused.length > 0) throw new Failure(refused.join("\n"));
}
