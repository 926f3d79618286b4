import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import type { KubernetesObject } from "../../infra/policies/objects.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import type { StackOutputs } from "../../infra/stack-outputs.ts";
import { plain, type Registered, record } from "./mocks.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export type Given = Record<string, Record<string, unknown> | number>;

/** A stack's file as it stands, with `changes` laid over its sections. */
export function stackFile(stack: string, changes: Given = {}): Record<string, unknown> {
  const file = parse(readFileSync(join(ROOT, `Pulumi.${stack}.yaml`), "utf8")) as { config: Given };
  const own = Object.entries(file.config).map(([key, value]) => [key.replace(/^dujyo:/, ""), value] as const);
  const merged = new Map<string, unknown>(own);
  for (const [section, values] of Object.entries(changes))
    merged.set(
      section,
      typeof values === "number" ? values : { ...(merged.get(section) as object | undefined), ...values },
    );
  return Object.fromEntries(merged);
}

/**
 * The whole program of a stack under mocks: what `infra/index.ts` registers with these settings, and its outputs.
 *
 * @param secretKeys configuration that is encrypted in the stack file
 */
export async function wholeProgram(
  stack: string,
  changes: Given = {},
  secretKeys: readonly string[] = [],
): Promise<{
  readonly settings: Settings;
  readonly registered: Registered[];
  readonly outputs: StackOutputs;
  /** Names of outputs with a secret in them. */
  readonly secretOutputs: readonly string[];
}> {
  const given = stackFile(stack, changes);
  const config = Object.entries(given).map(([key, value]) => [
    `dujyo:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  pulumi.runtime.setAllConfig(Object.fromEntries(config), [...secretKeys]);
  let outputs = {} as StackOutputs;
  const secretOutputs: string[] = [];
  const registered = await record(async () => {
    // Evaluated anew each time: a module is kept by its address.
    const program = (await import(
      /* @vite-ignore */ `../../infra/index.ts?${stack}-${JSON.stringify(changes)}`
    )) as Record<string, unknown>;
    outputs = await new Promise((resolve) => {
      pulumi.output({ ...program }).apply((all) => resolve(all as unknown as StackOutputs));
    });
    for (const [name, value] of Object.entries(program))
      if (await pulumi.isSecret(pulumi.output(value))) secretOutputs.push(name);
  }, stack);
  return { settings: parseSettings(stack, given), registered, outputs, secretOutputs };
}

/** The Kubernetes objects among what was registered. */
export function objectsOf(registered: readonly Registered[]): KubernetesObject[] {
  return registered
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ type, inputs }) => ({
      ...(plain(inputs) as KubernetesObject),
      kind: type.split(":")[2] as string,
    }));
}
