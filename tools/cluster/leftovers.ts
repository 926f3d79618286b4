import { existsSync, rmSync } from "node:fs";
import { run } from "../process.ts";
import { CTR } from "./images.ts";
import { NAME } from "./place.ts";

const containersLeft = async () =>
  lines((await run("ctr", [...CTR, "containers", "list", "--quiet"])).stdout);

/**
 * What a kubelet that has not been able to take its pods down leaves: containers, their networks, rules for their addresses.
 *
 * @returns whether all containers have gone
 */
export async function removeLeftovers(): Promise<boolean> {
  const containers = await containersLeft();
  const networks = new Set<string>();
  for (const id of containers) {
    const path = networkOf((await run("ctr", [...CTR, "containers", "info", id])).stdout);
    if (path) networks.add(path);
    await run("ctr", [...CTR, "tasks", "delete", "--force", id]);
    await run("ctr", [...CTR, "containers", "delete", id]);
  }
  for (const path of networks) {
    await run("umount", ["--lazy", path]);
    if (existsSync(path)) rmSync(path);
  }
  await removeRules();
  return (await containersLeft()).length === 0;
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}

interface ContainerInfo {
  readonly Spec?: {
    readonly linux?: { readonly namespaces?: readonly { readonly type: string; readonly path?: string }[] };
  };
}

/** Path of the network that a container is in; undefined for one that the runtime describes in no way that is known here. */
function networkOf(info: string): string | undefined {
  try {
    const { Spec } = JSON.parse(info) as ContainerInfo;
    const path = Spec?.linux?.namespaces?.find(({ type }) => type === "network")?.path;
    return path?.startsWith("/var/run/netns/cni-") ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Rules that the network program has made for addresses of this cluster's network, by the name in their comment. */
async function removeRules(): Promise<void> {
  const rules = lines((await run("iptables", ["-t", "nat", "-S", "POSTROUTING"])).stdout);
  for (const rule of rules) {
    const [, source, comment, chain] =
      /^-A POSTROUTING -s (\S+) -m comment --comment "(.*)" -j (CNI-\S+)$/.exec(rule) ?? [];
    if (!source || !comment || !chain || !comment.startsWith(`name: \\"${NAME}\\"`)) continue;
    const text = comment.replaceAll('\\"', '"');
    const match = ["-s", source, "-m", "comment", "--comment", text, "-j", chain];
    await run("iptables", ["-t", "nat", "-D", "POSTROUTING", ...match]);
    await run("iptables", ["-t", "nat", "-F", chain]);
    await run("iptables", ["-t", "nat", "-X", chain]);
  }
}
