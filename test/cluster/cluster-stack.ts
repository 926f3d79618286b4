import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { stringify } from "yaml";
import type { Connection } from "../../ops/connection.ts";
import { readConnection } from "../../ops/connection-store.ts";
import { clusterDown } from "../../tools/cluster/down.ts";
import { clusterUp } from "../../tools/cluster/up.ts";
import { ROOT } from "../../tools/layout.ts";
import type { DataChoice } from "../../tools/stack/data.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { downOnKubernetes, upOnKubernetes } from "../../tools/stack/on-kubernetes.ts";
import { stackSettings } from "../../tools/stack/settings.ts";
import { type Given, stackFile } from "../support/whole-program.ts";

declare module "vitest" {
  interface ProvidedContext {
    clusterConnection: Connection;
  }
}

/** The small stack of Pulumi.ci.yaml under a name of its own, whose settings the tests change. */
export const STACK = "ci-test";
export const NAMESPACE = `dujyo-${STACK}`;

/** A second stack beside it; not there but for the tests that move the database to it. */
export const OTHER_STACK = "ci-other";
export const OTHER_NAMESPACE = `dujyo-${OTHER_STACK}`;

/** Name of a site's writer endpoint, for the other one. */
export function writerOf(namespace: string): string {
  return `haproxy.${namespace}.svc.cluster.local`;
}

const OTHER_SITE = {
  host: writerOf(OTHER_NAMESPACE),
  knownAs: writerOf(NAMESPACE),
  network: "10.0.0.0/8",
};

const fileOf = (stack: string) => join(ROOT, `Pulumi.${stack}.yaml`);

/** Writes a stack's file as a person would: that of `ci`, with `changes` laid over its sections. */
function writeSettings(stack: string, changes: Given): void {
  const settings = Object.entries(stackFile("ci", changes));
  const config = Object.fromEntries(settings.map(([key, value]) => [`dujyo:${key}`, value]));
  writeFileSync(fileOf(stack), stringify({ config }));
}

/** `npm run up` with these settings. Throws where it fails. */
export async function up(changes: Given = {}): Promise<void> {
  const postgres = { otherSite: OTHER_SITE, ...(changes.postgres as object | undefined) };
  writeSettings(STACK, { ...changes, postgres });
  await upOnKubernetes(STACK, stackSettings(STACK));
}

/** Writes the file of the second stack: as small as can be, with these settings of PostgreSQL, and of other sections. */
export function writeOther(postgres: Record<string, unknown>, others: Given = {}): void {
  writeSettings(OTHER_STACK, {
    postgres: { replicas: 0, synchronousReplicas: 0, ...postgres },
    // What it holds is put there by the tests.
    ledger: { data: "none" },
    redis: { replicasPerShard: 0 },
    api: { instances: 1 },
    monitoring: { enabled: false },
    ...others,
  });
}

/** `npm run up` of the second stack. Throws where it fails. */
export async function upOther(
  postgres: Record<string, unknown>,
  data?: DataChoice,
  others: Given = {},
): Promise<void> {
  writeOther(postgres, others);
  await upOnKubernetes(OTHER_STACK, stackSettings(OTHER_STACK), data);
}

/** Removes the second stack, if it is there, and all that it holds. */
export async function removeOther(): Promise<void> {
  if (!existsSync(fileOf(OTHER_STACK))) return;
  await downOnKubernetes(OTHER_STACK, stackSettings(OTHER_STACK), true);
  rmSync(fileOf(OTHER_STACK));
}

/**
 * The cluster that TEST_KUBECONFIG names, which has to let this machine reach the addresses of its services; else one that
 * is started here. Then the stack on it. All of it goes after the last test, also when one fails, unless KEEP_TEST_STACK=1.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  try {
    process.env.KUBECONFIG = process.env.TEST_KUBECONFIG ?? (await clusterUp());
    await up();
    project.provide("clusterConnection", await readConnection(STACK, pulumiEnvironment(STACK)));
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}

async function remove(): Promise<void> {
  if (process.env.KEEP_TEST_STACK === "1") return;
  if (process.env.TEST_KUBECONFIG === undefined) await clusterDown();
  else await downOnKubernetes(STACK, stackSettings(STACK), true);
  rmSync(fileOf(STACK), { force: true });
}
