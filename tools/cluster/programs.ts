import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { imageRef } from "../../infra/images.ts";
import { ROOT } from "../layout.ts";
import { mustRun, run } from "../process.ts";
import { findGo, type GoProgram, goBuild } from "../setup/go-toolchain.ts";
import { placeFolder, withScratch } from "../setup/place.ts";
import type { Step } from "../setup/progress.ts";
import { PROGRAMS } from "./place.ts";

const VERSION = ["1", "34", "0"] as const;
const VERSION_PACKAGE = "k8s.io/component-base/version";

/** Of Kubernetes itself. */
const KUBERNETES = [
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kube-proxy",
  "kubelet",
  "kubectl",
] as const;

export type ProgramName = (typeof KUBERNETES)[number] | "coredns" | "etcd";

/** Path of a program; it is there once {@link ensurePrograms} has been. */
export function program(name: ProgramName): string {
  return join(PROGRAMS, "bin", name);
}

export const CNI_PROGRAMS = join(PROGRAMS, "cni");

const KUBERNETES_VARIABLES = [
  [`${VERSION_PACKAGE}.gitVersion`, `v${VERSION.join(".")}`],
  [`${VERSION_PACKAGE}.gitMajor`, VERSION[0]],
  [`${VERSION_PACKAGE}.gitMinor`, VERSION[1]],
] as const;

/** Kubernetes and its name server from Go modules, its store from the stack's own image, its network from Debian. */
export async function ensurePrograms(step: Step): Promise<void> {
  const missing = [...KUBERNETES, "coredns" as const].filter((name) => !existsSync(program(name)));
  if (missing.length === 0) step.origin("cached");
  else {
    step.origin("fallback");
    step.note("building Kubernetes from Go modules, about 15 minutes on 2 cores; once for all clones");
    const go = await findGo(step);
    for (const name of missing) await build(step, go, name);
  }
  if (!existsSync(program("etcd"))) await takeStore();
  if (!existsSync(CNI_PROGRAMS)) await takeNetwork(step);
}

async function build(step: Step, go: Awaited<ReturnType<typeof findGo>>, name: ProgramName): Promise<void> {
  mkdirSync(join(PROGRAMS, "bin"), { recursive: true });
  const source: GoProgram =
    name === "coredns"
      ? { folder: join(ROOT, "tools/go/coredns"), package: "github.com/coredns/coredns" }
      : {
          folder: join(ROOT, "tools/go/kubernetes"),
          package: `k8s.io/kubernetes/cmd/${name}`,
          variables: KUBERNETES_VARIABLES,
        };
  const part = `${program(name)}.part`;
  await goBuild(step, go, source, part);
  renameSync(part, program(name));
}

/** The image brings the very store that Patroni uses on Docker. */
async function takeStore(): Promise<void> {
  const container = (await mustRun("docker", ["create", imageRef("etcd")])).trim();
  try {
    await mustRun("docker", ["cp", `${container}:/usr/bin/etcd`, program("etcd")]);
  } finally {
    await run("docker", ["rm", container]);
  }
}

/** Unpacked and not installed: nothing of the machine's own changes. */
async function takeNetwork(step: Step): Promise<void> {
  await withScratch(PROGRAMS, "network", async (folder) => {
    const options = { cwd: folder, onLine: step.line };
    await mustRun("apt-get", ["download", "containernetworking-plugins"], {
      ...options,
      fetches: ["Debian packages"],
    });
    await mustRun("sh", ["-c", "dpkg-deb --extract *.deb out"], options);
    await placeFolder(CNI_PROGRAMS, async (part) => {
      await mustRun("cp", ["--archive", `${join(folder, "out/usr/lib/cni")}/.`, part]);
    });
  });
}
