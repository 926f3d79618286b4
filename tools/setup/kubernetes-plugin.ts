import { join } from "node:path";
import { ROOT, VERSIONS } from "../layout.ts";
import { findGo, goBuild } from "./go-toolchain.ts";
import type { Step } from "./progress.ts";
import { ensureProviderPlugin } from "./provider-plugin.ts";

const MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v2";

/**
 * The Kubernetes provider's plugin. What Go modules have is an older release of it, which the program therefore asks for
 * nothing that it can not do.
 */
export function ensureKubernetesPlugin(step: Step): Promise<void> {
  return ensureProviderPlugin(step, {
    name: "kubernetes",
    version: VERSIONS.kubernetes,
    buildMinutes: 2,
    build,
  });
}

async function build(step: Step, program: string): Promise<void> {
  const source = {
    folder: join(ROOT, "tools/go/resource-kubernetes"),
    package: `${MODULE}/cmd/pulumi-resource-kubernetes`,
    variables: [[`${MODULE}/pkg/version.Version`, VERSIONS.kubernetes]],
  } as const;
  await goBuild(step, await findGo(step), source, program);
}
