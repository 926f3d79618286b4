import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import {
  ADMINS,
  CLIENTS,
  type Connection,
  connections,
  OBJECT_STORE,
  OTHER_SITE,
  OUTSIDE,
  outsideNetworks,
  PLATFORM,
} from "../../infra/connections.ts";
import { type End, type NetworkPolicy, reaches } from "../../infra/policies/reachability.ts";
import { MOST_REDIS_MEMBERS, redisMembers } from "../../infra/ports.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { networkPolicies, PART_LABEL } from "../../infra/targets/kubernetes/network.ts";
import { stackFile } from "../support/whole-program.ts";

/** A network without a plugin that enforces policies lets everything through: this is what proves them. */

const settings = parseSettings("staging", {
  ...stackFile("staging", {
    access: { allowedCidrs: ["198.51.100.0/24"], adminCidrs: ["203.0.113.0/28", "192.0.2.7/32"] },
    postgres: { otherSite: { host: "other.example", network: "198.18.0.0/24" } },
    backup: { s3: { endpoint: "https://objects.example:9000", bucket: "ledger", network: "198.19.0.0/24" } },
  }),
  monitoring: { receivers: [{ name: "oncall", type: "slack" }] },
  receiverSecrets: { oncall: "https://hooks.example/secret" },
  backupSecrets: { key: "AKEY", keySecret: "0123456789abcdef" },
});
const graph = connections(settings, "kubernetes");
const { platformNetwork, ingress } = settings.kubernetes;
const rendered = networkPolicies({
  connections: graph,
  networks: outsideNetworks(settings),
  entryNamespace: ingress.controllerNamespace,
  watcherNamespace: settings.monitoring.operator.namespace,
  platformNetwork,
});
const policies = Object.values(rendered) as unknown as NetworkPolicy[];

const name = "kubernetes.io/metadata.name";
const end = (part: string): End => {
  if (part === OUTSIDE) return { labels: {}, elsewhere: { [name]: ingress.controllerNamespace } };
  if (part === CLIENTS) return { labels: {}, address: "198.51.100.9" };
  if (part === ADMINS) return { labels: {}, address: "192.0.2.7" };
  if (part === PLATFORM) return { labels: {}, address: "10.96.0.1" };
  if (part === OTHER_SITE) return { labels: {}, address: "198.18.0.9" };
  if (part === OBJECT_STORE) return { labels: {}, address: "198.19.0.9" };
  return { labels: { [PART_LABEL]: part } };
};
const parts = [...new Set(graph.flatMap(({ from, to }) => [from, to]))];
const inside = parts.filter(
  (part) => ![ADMINS, CLIENTS, OBJECT_STORE, OTHER_SITE, OUTSIDE, PLATFORM].includes(part),
);
/** The ends of each range, and what lies beyond them. */
const ports = [
  ...new Set(graph.flatMap(({ port, lastPort = port }) => [port - 1, port, lastPort, lastPort + 1])),
];
const isEdge = (from: string, to: string, port: number) =>
  graph.some(
    (edge: Connection) =>
      edge.from === from && edge.to === to && port >= edge.port && port <= (edge.lastPort ?? edge.port),
  );

describe("network policies", () => {
  it("let every edge of the graph through", () => {
    const shut = graph.filter(({ from, to, port, lastPort = port }) =>
      [port, lastPort].some((at) => !reaches(policies, end(from), end(to), at)),
    );
    expect(shut).toEqual([]);
  });

  it("let nothing else through between parts", () => {
    const open = inside.flatMap((from) =>
      inside.flatMap((to) =>
        ports
          .filter((port) => !isEdge(from, to, port) && reaches(policies, end(from), end(to), port))
          .map((port) => `${from} -> ${to}:${port}`),
      ),
    );
    expect(open).toEqual([]);
  });

  it("need every edge: without it the session is refused", () => {
    const needless = graph
      .filter(({ from, to }) => from !== OUTSIDE && to !== OUTSIDE && to !== PLATFORM)
      .filter((edge) => {
        const fewer = graph.filter((at) => at !== edge);
        const left = networkPolicies({
          connections: fewer,
          networks: outsideNetworks(settings),
          entryNamespace: ingress.controllerNamespace,
          watcherNamespace: settings.monitoring.operator.namespace,
          platformNetwork,
        });
        const { from, to, port } = edge;
        return reaches(Object.values(left) as unknown as NetworkPolicy[], end(from), end(to), port);
      });
    expect(needless).toEqual([]);
  });

  it("stay as they are when shards come or go, so that no member is cut off before it has left", () => {
    const fewer = { ...settings, redis: { ...settings.redis, shards: settings.redis.shards + 3 } };
    expect(connections(fewer, "kubernetes")).toEqual(graph);
    expect(MOST_REDIS_MEMBERS).toBeGreaterThanOrEqual(
      redisMembers({ ...settings, redis: { ...settings.redis, shards: 100, replicasPerShard: 5 } }),
    );
  });

  it("admit requests from the entry's namespace and from no other", () => {
    const other: End = { labels: {}, elsewhere: { [name]: "somewhere" } };
    expect(reaches(policies, end(OUTSIDE), end("api"), 8083)).toBe(true);
    expect(
      inside.flatMap((part) => ports.filter((port) => reaches(policies, other, end(part), port))),
    ).toEqual([]);
  });

  it("admit addresses to what their networks are for, and others to nothing", () => {
    const reachable = (address: string) =>
      inside.flatMap((part) =>
        ports
          .filter((port) => reaches(policies, { labels: {}, address }, end(part), port))
          .map((port) => `${part}:${port}`),
      );
    const edges = (from: string) =>
      graph.filter((edge) => edge.from === from).map(({ to, port }) => `${to}:${port}`);
    expect(edges(CLIENTS)).toEqual([
      "postgres:5432",
      "haproxy:5000",
      "haproxy:5001",
      "pgbouncer:6432",
      "redis:6379",
    ]);
    expect(reachable("198.51.100.9")).toEqual(expect.arrayContaining(edges(CLIENTS)));
    expect(reachable("203.0.113.3").sort()).toEqual(edges(ADMINS).sort());
    expect(edges(ADMINS)).toContain("prometheus:9090");
    for (const stranger of ["198.51.101.1", "203.0.113.16", "192.0.2.8"])
      expect(reachable(stranger)).toEqual([]);
  });

  it("admit the other site at the writer endpoint, and no address beyond its network", () => {
    const beyond: End = { labels: {}, address: "198.18.1.9" };
    expect(reaches(policies, end(OTHER_SITE), end("haproxy"), 5000)).toBe(true);
    expect(reaches(policies, end("postgres"), end(OTHER_SITE), 5000)).toBe(true);
    expect(reaches(policies, beyond, end("haproxy"), 5000)).toBe(false);
    expect(reaches(policies, end("postgres"), beyond, 5000)).toBe(false);
  });

  it("admit another version's cluster at the writer endpoint while those of docs/upgrade.md stand beside them", () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/upgrade.md"), "utf8");
    const [, text = ""] = /<<END\n([\s\S]*?)\nEND\n/.exec(page) ?? [];
    const added = parseAllDocuments(text.replaceAll("dujyo-$1", "dujyo-next")).map(
      (document) => (document.toJS() as { spec: NetworkPolicy }).spec,
    );
    const next = (part: string, namespace = "dujyo-next"): End => ({
      labels: { [PART_LABEL]: part },
      elsewhere: { [name]: namespace },
    });
    const open = (standing: readonly NetworkPolicy[]) =>
      inside.flatMap((part) =>
        ports.flatMap((port) => [
          ...(reaches(standing, next("postgres"), end(part), port) ? [`in ${part}:${port}`] : []),
          ...(reaches(standing, end("postgres"), next(part), port) ? [`out ${part}:${port}`] : []),
        ]),
      );
    expect(open(policies)).toEqual([]);
    expect(open([...policies, ...added])).toEqual(["in haproxy:5000", "out haproxy:5000"]);
    for (const stranger of [next("api"), next("postgres", "elsewhere")])
      expect(reaches([...policies, ...added], stranger, end("haproxy"), 5000)).toBe(false);
  });

  it("let the repository's host reach the store of its bucket, and nobody else", () => {
    const beyond: End = { labels: {}, address: "198.19.1.9" };
    const reaching = inside.filter((part) => reaches(policies, end(part), end(OBJECT_STORE), 9_000));
    expect(reaching).toEqual(["backup"]);
    expect(reaches(policies, end("backup"), beyond, 9_000)).toBe(false);
  });

  it("let names be resolved and nobody unknown do anything", () => {
    const stranger: End = { labels: { [PART_LABEL]: "stranger" } };
    const names: End = { labels: { "k8s-app": "kube-dns" }, elsewhere: { [name]: "kube-system" } };
    expect(reaches(policies, stranger, names, 53)).toBe(true);
    expect(reaches(policies, stranger, names, 443)).toBe(false);
    expect(
      inside.flatMap((part) => ports.filter((port) => reaches(policies, stranger, end(part), port))),
    ).toEqual([]);
    expect(
      inside.flatMap((part) => ports.filter((port) => reaches(policies, end(part), stranger, port))),
    ).toEqual([]);
  });

  it("let no part but the electors reach the cluster's API", () => {
    const reaching = inside.filter((part) => reaches(policies, end(part), end(PLATFORM), 443));
    // Alertmanager has receivers to tell, wherever they are.
    expect(reaching.sort()).toEqual(["alertmanager", "postgres", "postgres-seed"]);
  });
});
