import { mustRun, run } from "../process.ts";
import { POD_NETWORK } from "./place.ts";

/** A Docker engine on the same machine drops what is forwarded and not its own. */
const RULES = [
  ["-s", POD_NETWORK, "-m", "comment", "--comment", "dujyo-cluster", "-j", "ACCEPT"],
  ["-d", POD_NETWORK, "-m", "comment", "--comment", "dujyo-cluster", "-j", "ACCEPT"],
];

/** Lets packets of pods through. */
export async function openForwarding(): Promise<void> {
  await mustRun("sysctl", ["-q", "-w", "net.ipv4.ip_forward=1"]);
  for (const rule of RULES)
    if ((await run("iptables", ["-C", "FORWARD", ...rule])).code !== 0)
      await mustRun("iptables", ["-I", "FORWARD", ...rule]);
}

/** Takes {@link openForwarding} back. */
export async function closeForwarding(): Promise<void> {
  for (const rule of RULES)
    while ((await run("iptables", ["-C", "FORWARD", ...rule])).code === 0)
      await mustRun("iptables", ["-D", "FORWARD", ...rule]);
}
