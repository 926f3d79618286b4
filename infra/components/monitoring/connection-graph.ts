import { PORTS } from "../../ports.ts";
import type { ScrapeJob } from "../../scrape-job.ts";
import { COMPANION_NAME } from "./companions.ts";
import type { MonitoringArgs } from "./sources.ts";

/** Go runtime and per-method figures of etcd's gRPC server, of which no rule or panel makes use. */
const ETCD_UNUSED = "grpc_.*|etcd_debugging_.*|go_.*|etcd_mvcc_hash.*";

/** Every target of the stack, from the components' own members. */
export function scrapeJobs(args: MonitoringArgs): ScrapeJob[] {
  const { target, settings, etcd, postgres, routing, pooling, redis, api, backup, companions } = args;
  /** Every instance of a service, whether they are members by name or found by their addresses. */
  const instancesOf = (part: string, members: readonly string[], port: number) => {
    const name = target.instancesName(part);
    return name === undefined
      ? { targets: members.flatMap((host) => at(host, port)) }
      : { found: { part, name, port } };
  };
  const at = (host: string, port: number) => [{ instance: host, address: `${host}:${port}` }];
  const through = (exporter: string, instance: string, port: number) => [
    { instance, address: `${exporter}:${port}` },
  ];
  const consensus = etcd.endpoints.map((address) => ({
    instance: address.slice(0, address.lastIndexOf(":")),
    address,
  }));
  const own = settings.monitoring.mode === "operator" ? [] : ["prometheus-0", "alertmanager-0"];
  const disks = [...postgres.members, ...redis.connection.nodes.map(({ host }) => host), ...own];
  const page = target.loopbackPages ? {} : ({ trust: "monitoring" } as const);
  const ownJobs: ScrapeJob[] = [
    { job: "prometheus", ...page, targets: at("prometheus-0", PORTS.prometheus), drop: "go_.*" },
    { job: "alertmanager", ...page, targets: at("alertmanager-0", PORTS.alertmanager), drop: "go_.*" },
  ];
  return [
    {
      job: "postgres",
      trust: "monitoring",
      targets: postgres.members.flatMap((host, ordinal) =>
        through(`postgres-exporter-${ordinal}`, host, PORTS.postgresExporter),
      ),
      drop: "go_.*",
    },
    {
      job: "patroni",
      trust: "postgres",
      targets: postgres.members.flatMap((host) => at(host, PORTS.patroni)),
    },
    ...(target.coordination === "etcd"
      ? [{ job: "etcd", trust: "etcd", targets: consensus, drop: ETCD_UNUSED } as const]
      : []),
    {
      job: "haproxy",
      trust: "postgres",
      ...instancesOf(routing.host, [routing.host], PORTS.haproxyMetrics),
    },
    {
      job: "pgbouncer",
      trust: "monitoring",
      ...(companions
        ? {
            ...instancesOf(pooling.host, [pooling.host], PORTS.pgbouncerExporter),
            serverName: COMPANION_NAME,
          }
        : { targets: through("pgbouncer-exporter", pooling.host, PORTS.pgbouncerExporter) }),
      drop: "go_.*",
    },
    {
      job: "redis",
      trust: "monitoring",
      path: "/scrape",
      targets: redis.connection.nodes.map(({ host, port }) => ({
        instance: host,
        address: `redis-exporter:${PORTS.redisExporter}`,
        target: `rediss://${host}:${port}`,
      })),
    },
    {
      job: "node",
      trust: "monitoring",
      targets: through("node-exporter", "node", PORTS.nodeExporter),
      parameters: { "exclude[]": ["textfile"] },
      drop: "go_.*",
    },
    ...(companions
      ? [
          {
            job: "disks",
            trust: "monitoring",
            targets: disks.flatMap((host) => at(host, PORTS.nodeExporter)),
            serverName: COMPANION_NAME,
            drop: "go_.*|process_.*|promhttp_.*",
          } as const,
        ]
      : []),
    {
      // The exporter's files tell of both; of containers where they can be seen.
      job: target.seesContainers ? "containers" : "certificates",
      trust: "monitoring",
      targets: through("node-exporter", "node", PORTS.nodeExporter),
      parameters: { "collect[]": ["textfile"] },
      honourLabels: true,
      drop: "go_.*|process_.*|promhttp_.*",
    },
    ...(backup
      ? [{ job: "backup", trust: "postgres", targets: at(backup.host, PORTS.backupFigures) } as const]
      : []),
    { job: "api", trust: "api", ...instancesOf(api.host, api.members, PORTS.api) },
    ...(target.balancesServices
      ? []
      : [{ job: "gateway", trust: "monitoring", targets: at("gateway", PORTS.haproxyMetrics) } as const]),
    ...(settings.monitoring.mode === "operator" ? [] : ownJobs),
  ];
}
