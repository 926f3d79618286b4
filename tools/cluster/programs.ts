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

/** Beside it: its name server, and what tells its autoscaler how busy pods are. Each from a module of its own. */
const OTHERS = {
  coredns: "github.com/coredns/coredns",
  "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server",
} as const;

/** What a test brings to it: the operator that takes a stack's monitors and rules up. Built when the test runs. */
const OPERATOR = "prometheus-operator";
const OPERATOR_MODULE = "github.com/prometheus-operator/prometheus-operator";
const OPERATOR_VERSION = "v0.85.0";

type Built = (typeof KUBERNETES)[number] | keyof typeof OTHERS | typeof OPERATOR;

export type ProgramName = Built | "etcd";

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

/** Kubernetes and what belongs to it from Go modules, its store from the stack's own image, its network from Debian. */
export async function ensurePrograms(step: Step): Promise<void> {
  const all: readonly Built[] = [...KUBERNETES, ...(Object.keys(OTHERS) as (keyof typeof OTHERS)[])];
  const missing = all.filter((name) => !existsSync(program(name)));
  if (missing.length === 0) step.origin("cached");
  else {
    step.origin("fallback");
    step.note("building Kubernetes from Go modules, 10 to 30 minutes on 2 cores; once for all clones");
    const go = await findGo(step);
    for (const name of missing) await build(step, go, name);
  }
  if (!existsSync(program("etcd"))) await takeStore();
  if (!existsSync(CNI_PROGRAMS)) await takeNetwork(step);
}

/**
 * The Prometheus Operator from its Go module.
 *
 * @returns folder with the definitions of its kinds
 */
export async function ensureOperator(step: Step): Promise<string> {
  const go = await findGo(step);
  if (existsSync(program(OPERATOR))) step.origin("cached");
  else await build(step, go, OPERATOR);
  const folder = join(ROOT, "tools/go", OPERATOR);
  const answer = await go.run(step, folder, [
    "list",
    "-m",
    "-json",
    `${OPERATOR_MODULE}@${OPERATOR_VERSION}`,
  ]);
  const { Dir } = JSON.parse(answer) as { Dir: string };
  return join(go.path(Dir), "example/prometheus-operator-crd");
}

async function build(step: Step, go: Awaited<ReturnType<typeof findGo>>, name: Built): Promise<void> {
  mkdirSync(join(PROGRAMS, "bin"), { recursive: true });
  const source: GoProgram = isOther(name)
    ? { folder: join(ROOT, "tools/go", name), package: PACKAGES[name] }
    : {
        folder: join(ROOT, "tools/go/kubernetes"),
        package: `k8s.io/kubernetes/cmd/${name}`,
        variables: KUBERNETES_VARIABLES,
      };
  const part = `${program(name)}.part`;
  await goBuild(step, go, source, part);
  renameSync(part, program(name));
}

const PACKAGES = { ...OTHERS, [OPERATOR]: `${OPERATOR_MODULE}/cmd/operator` } as const;

function isOther(name: Built): name is keyof typeof PACKAGES {
  return name in PACKAGES;
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
