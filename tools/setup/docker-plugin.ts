import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { ENGINE_BIN, PULUMI_HOME, ROOT, VERSIONS } from "../layout.ts";
import { refuseFullDisk, run } from "../process.ts";
import { findGo, type Go, goBuild } from "./go-toolchain.ts";
import { placeFolder } from "./place.ts";
import type { Step } from "./progress.ts";

const PLUGIN = join(PULUMI_HOME, "plugins", `resource-docker-v${VERSIONS.docker}`);
const PROGRAM = "pulumi-resource-docker";
const SOURCES = join(ROOT, "tools/go/resource-docker");
const DOWNLOAD_MINUTES = 5;

/** The Docker provider's plugin: the official download, or built from Go modules where that does not answer. */
export async function ensureDockerPlugin(step: Step): Promise<void> {
  if (existsSync(join(PLUGIN, PROGRAM))) return step.origin("cached");
  step.origin("official");
  const result = await run(
    join(ENGINE_BIN, "pulumi"),
    ["plugin", "install", "resource", "docker", VERSIONS.docker, "--non-interactive", "--color", "never"],
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
    `the official download does not answer (${reason}); building from Go modules, about 3 minutes on 2 cores`,
  );
  await placeFolder(PLUGIN, (folder) => build(step, folder));
}

async function build(step: Step, folder: string): Promise<void> {
  const go = await findGo(step);
  const source = join(folder, "source");
  await assemble(step, go, source);
  const program = {
    folder: source,
    package: ".",
    tag: "no_compose",
    variables: [["main.version", VERSIONS.docker]],
  } as const;
  await goBuild(step, go, program, join(folder, PROGRAM));
  rmSync(source, { recursive: true });
}

interface Upstream {
  readonly module: string;
  readonly version: string;
  /** Go's checksum of the module's files. */
  readonly sum: string;
}

/**
 * Puts the plugin's main package beside the provider's own sources. They are in a folder named `internal`, which Go lets
 * only packages of the same module import; so both are built as one module, under the name that the provider gave itself.
 */
async function assemble(step: Step, go: Go, source: string): Promise<void> {
  const { module, version, sum } = JSON.parse(
    readFileSync(join(SOURCES, "upstream.json"), "utf8"),
  ) as Upstream;
  const to = join(source, "internal/provider");
  mkdirSync(to, { recursive: true });
  const answer = await go.run(step, source, ["mod", "download", "-json", `${module}@${version}`]);
  const { Dir, Sum } = JSON.parse(answer) as { Dir: string; Sum: string };
  if (Sum !== sum)
    throw new Failure(
      `The checksum of ${module}@${version} is ${Sum}; ${sum} is expected. Nothing was built from it.`,
    );
  const from = join(go.path(Dir), "internal/provider");
  for (const name of readdirSync(from).filter((name) => name.endsWith(".go") && !name.endsWith("_test.go")))
    writeFileSync(join(to, name), readFileSync(join(from, name)));
  for (const name of ["main.go", "go.mod", "go.sum"]) copyFileSync(join(SOURCES, name), join(source, name));
}
