import { existsSync } from "node:fs";
import { join } from "node:path";
import { ENGINE_BIN, PULUMI_HOME, ROOT, VERSIONS } from "../layout.ts";
import { refuseFullDisk, run } from "../process.ts";
import { findGo, goBuild } from "./go-toolchain.ts";
import { placeFolder } from "./place.ts";
import type { Step } from "./progress.ts";

const PLUGIN = join(PULUMI_HOME, "plugins", `resource-kubernetes-v${VERSIONS.kubernetes}`);
const PROGRAM = "pulumi-resource-kubernetes";
const MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v2";
const DOWNLOAD_MINUTES = 5;

/**
 * The Kubernetes provider's plugin: the official download, or built from Go modules where that does not answer. What the
 * modules have is an older release of it, which the program therefore asks for nothing that it can not do.
 */
export async function ensureKubernetesPlugin(step: Step): Promise<void> {
  if (existsSync(join(PLUGIN, PROGRAM))) return step.origin("cached");
  step.origin("official");
  const result = await run(
    join(ENGINE_BIN, "pulumi"),
    [
      ...["plugin", "install", "resource", "kubernetes", VERSIONS.kubernetes],
      ...["--non-interactive", "--color", "never"],
    ],
    {
      env: { PULUMI_HOME, PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeout: DOWNLOAD_MINUTES * 60_000,
      onLine: step.line,
    },
  );
  if (result.code === 0 && existsSync(join(PLUGIN, PROGRAM))) return;
  refuseFullDisk("the plugin's official download", result);
  step.origin("fallback");
  const reason = result.stderr.trim().split("\n").at(-1) ?? "";
  step.note(
    `the official download does not answer (${reason}); building from Go modules, about 2 minutes on 2 cores`,
  );
  await placeFolder(PLUGIN, async (folder) => {
    const program = {
      folder: join(ROOT, "tools/go/resource-kubernetes"),
      package: `${MODULE}/cmd/${PROGRAM}`,
      variables: [[`${MODULE}/pkg/version.Version`, VERSIONS.kubernetes]],
    } as const;
    await goBuild(step, await findGo(step), program, join(folder, PROGRAM));
  });
}
