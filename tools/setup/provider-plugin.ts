import { existsSync } from "node:fs";
import { join } from "node:path";
import { ENGINE_BIN, PULUMI_HOME } from "../layout.ts";
import { refuseFullDisk, run } from "../process.ts";
import { placeFolder } from "./place.ts";
import type { Step } from "./progress.ts";

const DOWNLOAD_MINUTES = 5;

/** A plugin of the engine by which it works on one kind of target. */
export interface ProviderPlugin {
  /** As the engine calls it, for example `docker`. */
  readonly name: string;
  /** The release that the SDK asks for. */
  readonly version: string;
  /** Minutes that a build takes on 2 cores, for whoever waits. */
  readonly buildMinutes: number;
  /** Builds the plugin's program from Go modules; gets the path that it has to have, in a folder of its own. */
  build(step: Step, program: string): Promise<void>;
}

/** Brings a provider's plugin there: the official download, or a build where that does not answer. */
export async function ensureProviderPlugin(step: Step, plugin: ProviderPlugin): Promise<void> {
  const { name, version, buildMinutes } = plugin;
  const folder = join(PULUMI_HOME, "plugins", `resource-${name}-v${version}`);
  const program = `pulumi-resource-${name}`;
  if (existsSync(join(folder, program))) return step.origin("cached");
  step.origin("official");
  const install = ["plugin", "install", "resource", name, version, "--non-interactive", "--color", "never"];
  const result = await run(join(ENGINE_BIN, "pulumi"), install, {
    env: { PULUMI_HOME, PULUMI_SKIP_UPDATE_CHECK: "true" },
    timeout: DOWNLOAD_MINUTES * 60_000,
    onLine: step.line,
  });
  if (result.code === 0 && existsSync(join(folder, program))) return;
  refuseFullDisk("the plugin's official download", result);
  step.origin("fallback");
  const reason = result.stderr.trim().split("\n").at(-1) ?? "";
  step.note(
    `the official download does not answer (${reason}); building from Go modules, about ${buildMinutes} minutes on 2 cores`,
  );
  await placeFolder(folder, (part) => plugin.build(step, join(part, program)));
}
