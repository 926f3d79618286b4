import { matches } from "./objects.ts";

/** The parts of a NetworkPolicy's specification that decide who reaches whom. */
export interface NetworkPolicy {
  readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly { readonly from?: readonly Peer[]; readonly ports?: readonly PolicyPort[] }[];
  readonly egress?: readonly { readonly to?: readonly Peer[]; readonly ports?: readonly PolicyPort[] }[];
}

interface Peer {
  readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly namespaceSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly ipBlock?: { readonly cidr: string };
}

interface PolicyPort {
  readonly port?: number;
  /** Last port of a range. */
  readonly endPort?: number;
  readonly protocol?: string;
}

/** One end of a session. */
export interface End {
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of its namespace where that is not the policies' own. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** IPv4 address of an end that is no pod. */
  readonly address?: string;
}

/**
 * Whether a TCP session may be opened, as a network that enforces the policies would decide. It takes the consent of both
 * ends; an end outside of the policies' namespace consents.
 */
export function reaches(policies: readonly NetworkPolicy[], from: End, to: End, port: number): boolean {
  return consents(policies, from, "Egress", to, port) && consents(policies, to, "Ingress", from, port);
}

function consents(
  policies: readonly NetworkPolicy[],
  end: End,
  direction: "Ingress" | "Egress",
  other: End,
  port: number,
): boolean {
  if (end.elsewhere || end.address !== undefined) return true;
  const applying = policies.filter(
    ({ podSelector, policyTypes }) =>
      policyTypes?.includes(direction) && matches(end.labels, podSelector?.matchLabels),
  );
  if (applying.length === 0) return true;
  return applying.some((policy) => {
    const rules =
      direction === "Ingress"
        ? (policy.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
        : (policy.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
    return rules.some(
      ({ peers, ports }) =>
        (peers === undefined || peers.some((peer) => isPeer(peer, other))) &&
        (ports === undefined || ports.some((at) => covers(at, port))),
    );
  });
}

function covers({ port, endPort = port, protocol = "TCP" }: PolicyPort, asked: number): boolean {
  return protocol === "TCP" && port !== undefined && asked >= port && asked <= (endPort ?? port);
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, end: End): boolean {
  if (ipBlock) return end.address !== undefined && within(end.address, ipBlock.cidr);
  if (end.address !== undefined) return false;
  if (namespaceSelector) {
    if (!end.elsewhere || !matches(end.elsewhere, namespaceSelector.matchLabels)) return false;
  } else if (end.elsewhere) return false;
  return matches(end.labels, podSelector?.matchLabels);
}

function within(address: string, cidr: string): boolean {
  const [network = "", length = "32"] = cidr.split("/");
  const number = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(length));
  return Math.floor(number(address) / size) === Math.floor(number(network) / size);
}
