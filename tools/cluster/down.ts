import { existsSync, readFileSync, rmSync } from "node:fs";
import { mustRun, run } from "../process.ts";
import { Progress, type Step } from "../setup/progress.ts";
import { pulumiEnvironment, removeStackConfig, stackConfigFile } from "../stack/local-state.ts";
import { Pulumi } from "../stack/pulumi.ts";
import { stackNames, stackSettings } from "../stack/settings.ts";
import { closeForwarding } from "./forwarding.ts";
import { removeLeftovers } from "./leftovers.ts";
import { CLUSTER, IMAGE_STORE, KUBECONFIG, NAME } from "./place.ts";
import { running, stop } from "./processes.ts";
import { program } from "./programs.ts";

/** Whoever would bring pods back goes first, then the pods, then whoever they need to go. */
const MAKERS = ["kube-controller-manager", "kube-scheduler"];
const REST = ["provisioner", "metrics-server", "kubelet", "kube-proxy", "coredns", "kube-apiserver", "etcd"];
const GONE_SECONDS = 60;

/**
 * Ends the cluster and removes all of it, its volumes included; the node's images stay for the next one. Safe to repeat.
 */
export async function clusterDown(): Promise<void> {
  const progress = new Progress();
  for (const name of MAKERS) await stop(name);
  await progress.step("pods", removePods);
  for (const name of REST) await stop(name);
  // Containers that stayed would be the next cluster's.
  const clean =
    !existsSync(CLUSTER) ||
    (running().includes("containerd") && (await progress.step("leftovers", removeLeftovers)));
  await stop("containerd");
  await progress.step("network", async () => {
    if (existsSync(program("kube-proxy"))) await run(program("kube-proxy"), ["--cleanup"]);
    await closeForwarding();
  });
  await progress.step("files", removeFiles);
  if (!clean) rmSync(IMAGE_STORE, { recursive: true, force: true });
  await progress.step("states", forgetStacks);
  process.stdout.write(`\n${progress.table()}\n`);
}

async function removePods(step: Step): Promise<void> {
  if (!running().includes("kube-apiserver") || !running().includes("kubelet")) return;
  const result = await run(
    program("kubectl"),
    [
      ...["--kubeconfig", KUBECONFIG, "delete", "pods", "--all", "--all-namespaces"],
      ...["--grace-period=1", `--timeout=${GONE_SECONDS}s`],
    ],
    { onLine: step.line },
  );
  if (result.code !== 0) step.note(result.stderr.trim().split("\n").at(-1) ?? "not all pods have gone");
}

async function removeFiles(): Promise<void> {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${CLUSTER}/`));
  // The innermost first.
  for (const path of mounts.reverse()) await mustRun("umount", ["--lazy", path]);
  rmSync(CLUSTER, { recursive: true, force: true });
}

/** The states of this clone's stacks that were on the cluster: with it went all that they speak of. */
async function forgetStacks(step: Step): Promise<void> {
  for (const stack of stackNames().filter((name) => existsSync(stackConfigFile(name)))) {
    const { target, kubernetes } = stackSettings(stack);
    if (target !== "kubernetes" || kubernetes.context !== NAME) continue;
    step.line(stack);
    const pulumi = new Pulumi(stack, pulumiEnvironment(stack));
    await pulumi.mustRun(["stack", "rm", stack, "--yes", "--force", "--preserve-config"]);
    removeStackConfig(stack);
  }
}
