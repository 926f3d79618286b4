import type { Settings } from "../../infra/settings/schema.ts";
import { namespaceOf, reachCluster } from "../../tools/stack/kubernetes-cluster.ts";
import { KubernetesInventory } from "../kubernetes-inventory.ts";
import { DockerInjector } from "./docker-injector.ts";
import type { Injector } from "./injector.ts";
import { KubernetesInjector } from "./kubernetes-injector.ts";

/**
 * What breaks and mends members where a stack's settings say that it runs.
 *
 * @throws Failure where a cluster does not answer
 */
export async function openInjector(stack: string, settings: Settings): Promise<Injector> {
  if (settings.target === "docker") return new DockerInjector(stack);
  const cluster = await reachCluster(settings);
  const namespace = namespaceOf(stack, settings);
  return new KubernetesInjector(cluster, namespace, new KubernetesInventory(cluster, stack, namespace));
}
