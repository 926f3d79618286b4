import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { type Connection, OUTSIDE, PLATFORM, WATCHER } from "../../connections.ts";

/** Cluster DNS's own; programs that ask a name server without a search list need the whole name. */
export const CLUSTER_DOMAIN = "cluster.local";

/** Label by which parts are told apart. */
export const PART_LABEL = "app.kubernetes.io/component";

export interface NetworkArgs {
  readonly namespace: string;
  readonly labels: (part: string) => Record<string, pulumi.Input<string>>;
  readonly connections: readonly Connection[];
  /** Networks, CIDR, of those who come, or are reached, by address, by their names among the connections. */
  readonly networks: Readonly<Record<string, readonly string[]>>;
  /** Namespace of the controller that brings requests from outside; nobody comes from there where it is empty. */
  readonly entryNamespace: string;
  /** Namespace of the Prometheus that reads from outside of the stack. */
  readonly watcherNamespace: string;
  /** Where the cluster's API is, CIDR. */
  readonly platformNetwork: string;
}

type PolicySpec = kubernetes.types.input.networking.v1.NetworkPolicySpec;
type Rule = kubernetes.types.input.networking.v1.NetworkPolicyIngressRule;
type EgressRule = kubernetes.types.input.networking.v1.NetworkPolicyEgressRule;

const NAMESPACE_NAME = "kubernetes.io/metadata.name";
/** What the Prometheus Operator puts on the pods of every Prometheus. */
const WATCHER_LABELS = { "app.kubernetes.io/name": "prometheus" };
const DNS_PORTS = [
  { port: 53, protocol: "UDP" },
  { port: 53, protocol: "TCP" },
];

type Range = Pick<Connection, "port" | "lastPort">;

const tcp = (ranges: readonly Range[]) =>
  ranges.map(({ port, lastPort }) => ({
    port,
    ...(lastPort === undefined ? {} : { endPort: lastPort }),
    protocol: "TCP",
  }));
const blocks = (cidrs: readonly string[]) => cidrs.map((cidr) => ({ ipBlock: { cidr } }));
const part = (name: string) => ({ podSelector: { matchLabels: { [PART_LABEL]: name } } });

/** Ports by the other end, in the order in which they came. */
function byPeer(edges: readonly Connection[], end: "from" | "to"): [string, Range[]][] {
  const peers = new Map<string, Map<number, Range>>();
  for (const edge of edges) {
    const ranges = peers.get(edge[end]) ?? new Map<number, Range>();
    peers.set(edge[end], ranges.set(edge.port, edge));
  }
  return [...peers].map(([peer, ranges]) => [peer, [...ranges.values()].sort((a, b) => a.port - b.port)]);
}

/**
 * What each part may be reached by and may reach: the edges of the connection graph, name resolution, and nothing else.
 * Plain data, so that it can be evaluated without a cluster.
 *
 * @returns specifications by the name of the policy
 */
export function networkPolicies({
  connections,
  networks,
  entryNamespace,
  watcherNamespace,
  platformNetwork,
}: Omit<NetworkArgs, "namespace" | "labels">): Record<string, PolicySpec> {
  const addresses = new Map(Object.entries({ ...networks, [PLATFORM]: [platformNetwork] }));
  const outside = new Set([...addresses.keys(), OUTSIDE, WATCHER]);
  const parts = [...new Set(connections.flatMap(({ from, to }) => [from, to]))].filter(
    (name) => !outside.has(name),
  );
  const policies = parts.map((name): [string, PolicySpec] => {
    const ingress = byPeer(
      connections.filter(({ to }) => to === name),
      "from",
    ).flatMap(([peer, ports]): Rule[] => {
      if (peer === WATCHER) {
        const namespaceSelector = { matchLabels: { [NAMESPACE_NAME]: watcherNamespace } };
        const podSelector = { matchLabels: WATCHER_LABELS };
        return [{ from: [{ namespaceSelector, podSelector }], ports: tcp(ports) }];
      }
      const cidrs = addresses.get(peer);
      if (cidrs) return [{ from: blocks(cidrs), ports: tcp(ports) }];
      if (peer !== OUTSIDE) return [{ from: [part(peer)], ports: tcp(ports) }];
      if (entryNamespace === "") return [];
      const controller = { namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: entryNamespace } } };
      return [{ from: [controller], ports: tcp(ports) }];
    });
    const egress = byPeer(
      connections.filter(({ from }) => from === name),
      "to",
    ).map(([peer, ports]): EgressRule => {
      if (peer === OUTSIDE) return { ports: tcp(ports) };
      const cidrs = addresses.get(peer);
      return { to: cidrs ? blocks(cidrs) : [part(peer)], ports: tcp(ports) };
    });
    return [
      name,
      { podSelector: part(name).podSelector, policyTypes: ["Ingress", "Egress"], ingress, egress },
    ];
  });
  const names: PolicySpec = {
    podSelector: {},
    policyTypes: ["Egress"],
    egress: [
      {
        to: [{ namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: "kube-system" } } }],
        ports: DNS_PORTS,
      },
    ],
  };
  return {
    "default-deny": { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
    names,
    ...Object.fromEntries(policies),
  };
}

/** Declares {@link networkPolicies}. */
export function createNetwork(args: NetworkArgs, opts: pulumi.CustomResourceOptions): void {
  for (const [name, spec] of Object.entries(networkPolicies(args)))
    new kubernetes.networking.v1.NetworkPolicy(
      `policy-${name}`,
      { metadata: { name, namespace: args.namespace, labels: args.labels("network") }, spec },
      opts,
    );
}

/** Whole name of a member. */
export function memberName(member: string, service: string, namespace: string): string {
  return `${member}.${service}.${namespace}.svc.${CLUSTER_DOMAIN}`;
}

/**
 * Lets short names of members resolve, as they do on every target: members are known by `<member>.<service>`, and the
 * search list names each service that has some.
 */
export function searchList(services: readonly string[], namespace: string): string[] {
  return services.map((service) => `${service}.${namespace}.svc.${CLUSTER_DOMAIN}`);
}
