import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../failure.ts";
import { ROOT, VERSIONS } from "../layout.ts";
import { findGo, type Go, goBuild } from "./go-toolchain.ts";
import type { Step } from "./progress.ts";
import { ensureProviderPlugin } from "./provider-plugin.ts";

const SOURCES = join(ROOT, "tools/go/resource-docker");

/** The Docker provider's plugin. */
export function ensureDockerPlugin(step: Step): Promise<void> {
  return ensureProviderPlugin(step, { name: "docker", version: VERSIONS.docker, buildMinutes: 3, build });
}

async function build(step: Step, program: string): Promise<void> {
  const go = await findGo(step);
  const source = join(dirname(program), "source");
  await assemble(step, go, source);
  const main = {
    folder: source,
    package: ".",
    tag: "no_compose",
    variables: [["main.version", VERSIONS.docker]],
  } as const;
  await goBuild(step, go, main, program);
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
