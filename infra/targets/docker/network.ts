import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";

/** First three numbers of an IPv4 /24 network. */
function prefixOf(subnet: string): string {
  return subnet.slice(0, subnet.lastIndexOf("."));
}

/** Docker hands out the lower half itself; members that need a lasting address take theirs from the upper one. */
const FIXED_FROM = 128;

/** Address of a member that keeps it across replacements; there is room for 126 of them. */
export function fixedAddress(subnet: string, ordinal: number): string {
  return `${prefixOf(subnet)}.${FIXED_FROM + ordinal}`;
}

/** Address of the machine in the network: what comes from its loopback interface comes from there. */
export function gatewayAddress(subnet: string): string {
  return `${prefixOf(subnet)}.1`;
}

/** The stack's own bridge network. */
export function createNetwork(
  name: string,
  subnet: string,
  labels: { label: string; value: pulumi.Input<string> }[],
): docker.Network {
  return new docker.Network("network", {
    name,
    driver: "bridge",
    labels,
    ipamConfigs: [{ subnet, gateway: gatewayAddress(subnet), ipRange: `${prefixOf(subnet)}.0/25` }],
  });
}
