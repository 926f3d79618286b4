import * as pulumi from "@pulumi/pulumi";
import { connections, outsideNetworks } from "../connections.ts";
import { Identity } from "../secrets/identity.ts";
import type { Settings } from "../settings/schema.ts";
import type { Target } from "../target.ts";

/**
 * The one place that chooses a target. Only the chosen one is loaded: a provider's SDK takes longer than all else.
 */
export async function createTarget(settings: Settings): Promise<Target> {
  const stack = pulumi.getStack();
  const identity = new Identity("identity").value;
  if (settings.target === "docker") {
    const { DockerTarget } = await import("./docker/docker-target.ts");
    const { isPresent } = await import("./docker/local-images.ts");
    const prefix = `${pulumi.getProject()}-${stack}`;
    return new DockerTarget({ prefix, stack, identity, subnet: settings.docker.subnet, isPresent });
  }
  const { KubernetesTarget } = await import("./kubernetes/kubernetes-target.ts");
  return new KubernetesTarget({
    stack,
    identity,
    settings: settings.kubernetes,
    access: settings.access,
    connections: connections(settings, "kubernetes"),
    watcherNamespace: settings.monitoring.operator.namespace,
    networks: outsideNetworks(settings),
  });
}
