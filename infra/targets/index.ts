import * as pulumi from "@pulumi/pulumi";
import { Identity } from "../secrets/identity.ts";
import type { Settings } from "../settings/schema.ts";
import type { Target } from "../target.ts";
import { DockerTarget } from "./docker/docker-target.ts";
import { isPresent } from "./docker/local-images.ts";

/**
 * The one place that chooses a target.
 *
 * @throws pulumi.RunError for a target that this program has no implementation of
 */
export function createTarget(settings: Settings): Target {
  const stack = pulumi.getStack();
  const prefix = `${pulumi.getProject()}-${stack}`;
  const identity = new Identity("identity").value;
  if (settings.target === "docker")
    return new DockerTarget({ prefix, stack, identity, subnet: settings.docker.subnet, isPresent });
  throw new pulumi.RunError(`dujyo:target is "${settings.target}"; this version deploys to "docker" only`);
}
