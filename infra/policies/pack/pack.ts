import { join } from "node:path";
import { PolicyPack, type StackValidationPolicy } from "@pulumi/policy";
import { readStackFile } from "../../settings/stack-file.ts";
import { LEVELS, type Policy, policiesOf } from "../index.ts";
import type { KubernetesObject } from "../objects.ts";

/**
 * The policies for engines that run packs: `pulumi up --policy-pack infra/policies/pack`. `npm run preview` and `up` hold the
 * plan against the same functions by themselves.
 */

const ROOT = join(import.meta.dirname, "../../..");

/** One resource as the engine hands it over. */
interface Resource {
  readonly type: string;
  readonly urn: string;
  // biome-ignore lint/suspicious/noExplicitAny: the engine's own type, since any resource may come
  readonly props: Record<string, any>;
}

/** The Kubernetes objects among the resources of a stack. */
function objectsOf(resources: readonly Resource[]): KubernetesObject[] {
  return resources
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ type, props }) => ({ ...(props as KubernetesObject), kind: type.split(":").at(-1) as string }));
}

/** A policy, for the stack whose resources come: one below the level that its settings name is not asked of it. */
function packed({ name, check }: Policy): StackValidationPolicy {
  return {
    name: name
      .toLowerCase()
      .replaceAll(" ", "-")
      .replaceAll(/[^a-z-]/g, ""),
    description: `${name}.`,
    enforcementLevel: "mandatory",
    validateStack: ({ resources }, reportViolation) => {
      const stack = resources[0]?.urn.split(":")[2];
      if (stack === undefined) return;
      const { settings } = readStackFile(stack, ROOT);
      const { target, kubernetes } = settings;
      if (target !== "kubernetes" || !policiesOf(kubernetes.policies).some((kept) => kept.name === name))
        return;
      for (const { at, reason } of check({ objects: objectsOf(resources), settings }))
        reportViolation(`${at} ${reason}`);
    },
  };
}

new PolicyPack("dujyo", { policies: policiesOf(LEVELS[LEVELS.length - 1] ?? "production").map(packed) });
