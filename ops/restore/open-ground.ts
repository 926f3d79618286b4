import { namespaceOf, reachCluster } from "../../tools/stack/kubernetes-cluster.ts";
import type { RunningStack } from "../running-stack.ts";
import { DockerGround } from "./docker-ground.ts";
import type { Ground } from "./ground.ts";
import { KubernetesGround } from "./kubernetes-ground.ts";

/** The ground that a stack stands on. @throws Failure where its cluster does not answer */
export async function openGround(stack: RunningStack): Promise<Ground> {
  const { name, settings } = stack;
  if (settings.target === "docker") return new DockerGround(name);
  return new KubernetesGround(stack, await reachCluster(settings), namespaceOf(name, settings));
}
