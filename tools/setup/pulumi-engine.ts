import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { ENGINE_BIN, ROOT, VERSIONS } from "../layout.ts";
import { refuseFullDisk, run } from "../process.ts";
import { findGo, goBuild } from "./go-toolchain.ts";
import { placeFolder } from "./place.ts";
import type { Step } from "./progress.ts";

const DOWNLOAD_MINUTES = 10;
const GO = join(ROOT, "tools/go");
const LANGUAGE_HOST = "pulumi-language-nodejs";
const DYNAMIC_PROVIDER = "pulumi-resource-pulumi-nodejs";

/** The pinned engine with its language host: the official download, or built from Go modules where that does not answer. */
export async function ensurePulumiEngine(step: Step): Promise<void> {
  if (["pulumi", LANGUAGE_HOST, DYNAMIC_PROVIDER].every((name) => existsSync(join(ENGINE_BIN, name))))
    return step.origin("cached");
  await placeFolder(join(ENGINE_BIN, ".."), async (folder) => {
    step.origin("official");
    const refusal = await download(step, folder);
    rmSync(join(folder, "home"), { recursive: true, force: true });
    if (refusal === undefined) return;
    step.origin("fallback");
    step.note(
      `the official download does not answer (${refusal}); building from Go modules, about 6 minutes on 2 cores`,
    );
    await build(step, join(folder, "bin"));
  });
}

/** Asks the official launcher for the engine; what went wrong where it can not get it. */
async function download(step: Step, folder: string): Promise<string | undefined> {
  const home = join(folder, "home");
  mkdirSync(home);
  // The launcher's installer is curl, which would wait minutes for a host that does not answer.
  writeFileSync(join(home, ".curlrc"), "connect-timeout = 10\nspeed-limit = 1000\nspeed-time = 30\n");
  const launcher = join(ROOT, "node_modules/pulumi/run.js");
  const result = await run(process.execPath, [launcher, "version"], {
    env: {
      PULUMI_HOME: home,
      CURL_HOME: home,
      PULUMI_VERSION: VERSIONS.pulumi,
      PULUMI_SKIP_UPDATE_CHECK: "true",
    },
    timeout: DOWNLOAD_MINUTES * 60_000,
    onLine: step.line,
  });
  if (result.code === 0 && result.stdout.trim().endsWith(VERSIONS.pulumi)) {
    renameSync(join(home, "versions", VERSIONS.pulumi, "bin"), join(folder, "bin"));
    return undefined;
  }
  refuseFullDisk("the engine's official download", result);
  return result.timedOut
    ? `not done after ${DOWNLOAD_MINUTES} minutes`
    : (result.stderr.trim().split("\n").at(-1) ?? `exit code ${result.code}`);
}

async function build(step: Step, bin: string): Promise<void> {
  mkdirSync(bin, { recursive: true });
  const go = await findGo(step);
  const engine = {
    folder: join(GO, "engine"),
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    variables: [["github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", VERSIONS.pulumi]],
  } as const;
  await goBuild(step, go, engine, join(bin, "pulumi"));
  const host = {
    folder: join(GO, "language-nodejs"),
    package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
  };
  await goBuild(step, go, host, join(bin, `${LANGUAGE_HOST}-host`));
  for (const script of [LANGUAGE_HOST, DYNAMIC_PROVIDER])
    copyFileSync(join(host.folder, script), join(bin, script));
  const version = await run(join(bin, "pulumi"), ["version"]);
  if (version.stdout.trim().replace(/^v/, "") !== VERSIONS.pulumi)
    throw new Failure(
      `The built engine calls itself "${version.stdout.trim()}" instead of ${VERSIONS.pulumi}.`,
    );
}
