import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../failure.ts";
import { ROOT, VERSIONS } from "../layout.ts";
import { mustRun } from "../process.ts";
import { findGo, type Go, goBuild } from "./go-toolchain.ts";
import type { Step } from "./progress.ts";
import { ensureProviderPlugin } from "./provider-plugin.ts";

const MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v2";
const MODULE_VERSION = "v2.0.0";
const SOURCES = join(ROOT, "tools/go/resource-kubernetes");

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
  const go = await findGo(step);
  const source = join(dirname(program), "source");
  await assemble(step, go, source);
  const main = {
    folder: source,
    package: `${MODULE}/cmd/pulumi-resource-kubernetes`,
    variables: [[`${MODULE}/pkg/version.Version`, VERSIONS.kubernetes]],
  } as const;
  await goBuild(step, go, main, program);
  rmSync(source, { recursive: true });
}

/** Beside the project's own go.mod the provider's sources, taught what later releases know. */
async function assemble(step: Step, go: Go, source: string): Promise<void> {
  mkdirSync(source, { recursive: true });
  for (const name of ["go.mod", "go.sum"]) copyFileSync(join(SOURCES, name), join(source, name));
  // Go checks what it downloads against go.sum.
  const answer = await go.run(step, source, ["mod", "download", "-json", `${MODULE}@${MODULE_VERSION}`]);
  const { Dir } = JSON.parse(answer) as { Dir: string };
  const upstream = join(source, "upstream");
  cpSync(go.path(Dir), upstream, { recursive: true });
  // In Go's cache nothing can be written to.
  await mustRun("chmod", ["-R", "u+w", upstream]);
  const file = join(upstream, "pkg/provider/diff.go");
  writeFileSync(file, changeable(readFileSync(file, "utf8")));
  await go.run(step, source, ["mod", "edit", `-replace=${MODULE}=./upstream`]);
}

/** What the release holds to be unchangeable, and Kubernetes does not, by kind of object. */
const CHANGEABLE = {
  PersistentVolumeClaim: [".spec", ".spec.resources", ".spec.resources.limits", ".spec.resources.requests"],
  Secret: [".stringData", ".data"],
} as const;

/**
 * Takes from the provider's list of fields whose change replaces an object those that can change in place: the size of a
 * claim, whose replacement would lose its data, and what is in a Secret. Exported for its test.
 *
 * @throws Failure where the list is another one
 */
export function changeable(source: string): string {
  return Object.entries(CHANGEABLE).reduce((text, [kind, fields]) => {
    const begin = text.indexOf(`"${kind}": `);
    const end = text.indexOf('\n\t\t"', begin);
    const rows = text.slice(begin, end).split("\n");
    const kept = rows.filter((row) => !fields.some((field) => row.trim() === `"${field}",`));
    if (begin < 0 || rows.length - kept.length !== fields.length)
      throw new Failure(
        `${MODULE}@${MODULE_VERSION} does not list ${fields.join(", ")} of ${kind} as it did. Nothing was built from it.`,
      );
    return text.slice(0, begin) + kept.join("\n") + text.slice(end);
  }, source);
}
