import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { CACHE } from "../layout.ts";

/** Everything that the disposable cluster has on disk; gone with it. */
export const CLUSTER = join(CACHE, "cluster");

/** Programs that outlive a cluster. */
export const PROGRAMS = join(CACHE, "kubernetes", "v1.34.0");

/** The node's images, which outlive a cluster as well: to bring them there anew takes more than a minute. */
export const IMAGE_STORE = join(CACHE, "kubernetes", "containerd");

export const KUBECONFIG = join(CLUSTER, "kubeconfig");

/** Name of the kubeconfig's context, and of the cluster's only node. */
export const NAME = "dujyo";

export const POD_NETWORK = "10.244.0.0/16";
export const SERVICE_NETWORK = "10.96.0.0/16";
/** First address of {@link SERVICE_NETWORK}: the cluster's API, as pods see it. */
export const API_ADDRESS = "10.96.0.1";
export const API_PORT = 6443;
/** Beyond what `portOffset` moves a stack's published ports to, and what the kernel gives to outgoing sessions. */
export const STORE_PORT = 62_379;
export const METRICS_PORT = 10_443;
export const PAUSE_IMAGE = "docker.io/dujyo/pause:1";
export const STORAGE_CLASS = "local";
/** Name of what makes the disks of that class. */
export const PROVISIONER = "dujyo.io/disks";

/** Why no cluster can be started on this machine; undefined where one can. */
export function whyNoCluster(): string | undefined {
  return process.platform === "linux" && process.getuid?.() === 0
    ? undefined
    : "A cluster can be started on Linux by root alone. Set TEST_KUBECONFIG to the kubeconfig of one that is there.";
}

/**
 * The machine's own address: the cluster reaches its node there, and so do the node's pods.
 *
 * @throws Failure where it has none beside loopback
 */
export function machineAddress(): string {
  const routes = readFileSync("/proc/net/route", "utf8").split("\n").slice(1);
  const device = routes.map((line) => line.split("\t")).find(([, to]) => to === "00000000")?.[0];
  const found = (networkInterfaces()[device ?? ""] ?? []).find(({ family }) => family === "IPv4");
  if (!found) throw new Failure("This machine has no address beside loopback, which a cluster's node needs.");
  return found.address;
}

/** A file of `tools/cluster/config` with its holes filled. */
export function template(name: string, holes: Record<string, string>): string {
  const text = readFileSync(join(import.meta.dirname, "config", name), "utf8");
  return text.replace(/\{\{(\w+)\}\}/g, (_, hole: string) => {
    const value = holes[hole];
    if (value === undefined) throw new Error(`bug: ${name} has no value for ${hole}`);
    return value;
  });
}
