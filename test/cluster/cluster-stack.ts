import type { TestProject } from "vitest/node";
import type { Connection } from "../../ops/connection.ts";
import { readConnection } from "../../ops/connection-store.ts";
import { clusterUp } from "../../tools/cluster/up.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { upOnKubernetes } from "../../tools/stack/on-kubernetes.ts";
import { stackSettings } from "../../tools/stack/settings.ts";

declare module "vitest" {
  interface ProvidedContext {
    clusterConnection: Connection;
  }
}

export const STACK = "ci";
export const NAMESPACE = `dujyo-${STACK}`;

/**
 * The cluster that TEST_KUBECONFIG names, which has to let this machine reach the addresses of its services; else one that
 * is started here. Then the small stack on it. Both stay: `npm run down -- --stack ci --volumes`, `npm run cluster -- down`.
 */
export default async function setup(project: TestProject): Promise<void> {
  process.env.KUBECONFIG = process.env.TEST_KUBECONFIG ?? (await clusterUp());
  await upOnKubernetes(STACK, stackSettings(STACK));
  project.provide("clusterConnection", await readConnection(STACK, pulumiEnvironment(STACK)));
}
