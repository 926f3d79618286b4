import type { Settings } from "../infra/settings/schema.ts";
import { run } from "../tools/process.ts";
import { namespaceOf, reachCluster } from "../tools/stack/kubernetes-cluster.ts";
import { DockerInventory } from "./docker-inventory.ts";
import { KubernetesInventory } from "./kubernetes-inventory.ts";
import type { Platform } from "./platform.ts";
import { Refusal } from "./refusal.ts";

/**
 * The platform that a stack's settings name.
 *
 * @throws Refusal where the Docker engine does not answer; Failure where the cluster does not
 */
export async function openPlatform(stack: string, settings: Settings): Promise<Platform> {
  if (settings.target === "kubernetes")
    return new KubernetesInventory(await reachCluster(settings), stack, namespaceOf(stack, settings));
  const engine = await run("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 });
  if (engine.code !== 0)
    throw new Refusal(`The Docker engine does not answer: ${engine.stderr.trim()}. Start it and repeat.`);
  return new DockerInventory(stack);
}
