import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import type { KubernetesObject } from "../../infra/policies/objects.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { plain, type Registered, record } from "./mocks.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export type Given = Record<string, Record<string, unknown>>;

/** A stack's file as it stands, with `changes` laid over its sections. */
export function stackFile(stack: string, changes: Given = {}): Record<string, unknown> {
  const file = parse(readFileSync(join(ROOT, `Pulumi.${stack}.yaml`), "utf8")) as { config: Given };
  const own = Object.entries(file.config).map(([key, value]) => [key.replace(/^dujyo:/, ""), value] as const);
  const merged = new Map<string, unknown>(own);
  for (const [section, values] of Object.entries(changes))
    merged.set(section, { ...(merged.get(section) as object | undefined), ...values });
  return Object.fromEntries(merged);
}

/** The whole program of a stack under mocks: what `infra/index.ts` registers with these settings. */
export async function wholeProgram(
  stack: string,
  changes: Given = {},
): Promise<{ readonly settings: Settings; readonly registered: Registered[] }> {
  const given = stackFile(stack, changes);
  const config = Object.entries(given).map(([key, value]) => [
    `dujyo:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  pulumi.runtime.setAllConfig(Object.fromEntries(config));
  // Evaluated anew each time: a module is kept by its address.
  const registered = await record(
    () => import(/* @vite-ignore */ `../../infra/index.ts?${stack}-${JSON.stringify(changes)}`),
    stack,
  );
  return { settings: parseSettings(stack, given), registered };
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
