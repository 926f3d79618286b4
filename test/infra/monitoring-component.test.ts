import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { ApiService } from "../../infra/components/api-service.ts";
import { EtcdCluster } from "../../infra/components/etcd-cluster.ts";
import { Companions } from "../../infra/components/monitoring/companions.ts";
import { scrapeJobs } from "../../infra/components/monitoring/connection-graph.ts";
import { ruleFiles } from "../../infra/components/monitoring/rule-files.ts";
import type { MonitoringArgs } from "../../infra/components/monitoring/sources.ts";
import { Monitoring } from "../../infra/components/monitoring.ts";
import { PostgresCluster } from "../../infra/components/postgres-cluster.ts";
import { PostgresPooling } from "../../infra/components/postgres-pooling.ts";
import { PostgresRouting } from "../../infra/components/postgres-routing.ts";
import { RedisCluster } from "../../infra/components/redis-cluster.ts";
import { connections } from "../../infra/connections.ts";
import type { ScrapeJob } from "../../infra/scrape-job.ts";
import { CertificateAuthority } from "../../infra/secrets/certificates.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import type { Target } from "../../infra/target.ts";
import { exceptionsFor, forMetric } from "../../ops/monitoring/exceptions.ts";
import { dashboardVariables, panelQueries, readRules } from "../../ops/monitoring/expressions.ts";
import { metricNames } from "../../ops/monitoring/metric-names.ts";
import { ROOT } from "../../tools/layout.ts";
import { plain, type Registered, record } from "../support/mocks.ts";
import { type PerTarget, READERS, type Running, TARGET_NAMES, TARGETS } from "../support/targets.ts";

/** What the graph says; that it works on real engines is what the stack tests show. */

/** The whole graph takes a second or two to record, and many times that on a busy machine. */
const RECORDING_MS = 60_000;

const WEBHOOK = "https://hooks.invalid/secret-part";

const ticketsAlone = {
  monitoring: { receivers: [{ name: "chat", type: "slack", severities: ["ticket"] }] },
  receiverSecrets: { chat: WEBHOOK },
};

const withReceiver = parseSettings("dev", {
  monitoring: { receivers: [{ name: "oncall", type: "slack" }] },
  receiverSecrets: { oncall: WEBHOOK },
});

/** All that is watched, as `infra/index.ts` puts it together. */
function watched(target: Target, settings: Settings): MonitoringArgs {
  const authority = new CertificateAuthority("monitoring-ca", { commonName: "monitoring" });
  const companions = target.companions ? new Companions(settings, authority) : undefined;
  const etcd = new EtcdCluster("etcd", { target, settings: settings.etcd, token: "dev" });
  const postgres = new PostgresCluster("postgres", {
    target,
    settings: settings.postgres,
    backup: settings.backup,
    allowedCidrs: [],
    consensus: etcd,
    portOffset: 0,
    pooler: { host: "pgbouncer", instances: "pgbouncer" },
    endpointHosts: ["haproxy"],
    companion: companions?.member,
  });
  const routing = new PostgresRouting("haproxy", { target, settings, cluster: postgres, portOffset: 0 });
  const pooling = new PostgresPooling("pgbouncer", {
    target,
    settings,
    cluster: postgres,
    routing,
    portOffset: 0,
    companion: companions?.pooler(postgres),
  });
  const redis = new RedisCluster("redis", {
    target,
    settings: settings.redis,
    portOffset: 0,
    companion: companions?.member,
  });
  const api = new ApiService("api", { target, settings, postgres, routing, pooling, redis });
  return { target, settings, authority, companions, etcd, postgres, routing, pooling, redis, api };
}

/** Names of jobs that rules and dashboards look for, patterns taken apart. */
function jobsAskedFor(): Set<string> {
  const dashboards = join(ROOT, "dashboards/generated");
  const expressions = [
    ...readRules(join(ROOT, "config/prometheus/rules")).map(({ expression }) => expression),
    ...panelQueries(dashboards).map(({ expression }) => expression),
    ...dashboardVariables(dashboards).map(({ series }) => series),
  ];
  const matchers = expressions.flatMap((text) => [...text.matchAll(/job(?:=~?|!~?)"([^"]*)"/g)]);
  return new Set(matchers.flatMap(([, names = ""]) => names.split("|")));
}

for (const name of TARGET_NAMES) {
  describe(`Monitoring on ${name}`, () => {
    let running: Running & { readonly registered: Registered[] };
    let pages: Monitoring["pages"];
    let jobs: ScrapeJob[];
    let warnings: string[];
    let coordination: Target["coordination"];

    // The graph stands on all others: recorded once, since that takes seconds on a busy machine.
    beforeAll(async () => {
      const said = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
      const registered = await record(() => {
        const args = watched(TARGETS[name](), withReceiver);
        jobs = scrapeJobs(args);
        ({ coordination } = args.target);
        ({ pages } = new Monitoring("monitoring", args));
      });
      running = { ...READERS[name](registered), registered };
      warnings = said.mock.calls.map(([text]) => text);
      said.mockRestore();
    }, RECORDING_MS);

    it("warns of nothing where somebody is called", () => {
      expect(warnings).toEqual([]);
    });

    it("watches every part through exporters, and keeps series, silences and views on disks", () => {
      const watching = /exporter|prometheus|alertmanager|grafana/;
      const expected: PerTarget<Pick<Running, "members" | "disks">> = {
        docker: {
          members: [
            "postgres-exporter-0",
            "postgres-exporter-1",
            "postgres-exporter-2",
            "pgbouncer-exporter",
            "redis-exporter",
            "alertmanager-0",
            "prometheus-0",
            "grafana-0",
            "node-exporter",
          ],
          disks: ["alertmanager-0-data", "prometheus-0-data", "grafana-0-data"],
        },
        kubernetes: {
          members: [
            "postgres-exporter-0",
            "postgres-exporter-1",
            "postgres-exporter-2",
            "redis-exporter",
            "alertmanager-0",
            "prometheus-0",
            "grafana-0",
            "node-exporter",
          ],
          disks: ["data-alertmanager-0", "data-prometheus-0", "data-grafana-0"],
        },
      };
      expect(running.members.filter((member) => watching.test(member)).sort()).toEqual(
        expected[name].members.toSorted(),
      );
      expect(running.disks.filter((disk) => watching.test(disk)).sort()).toEqual(
        expected[name].disks.toSorted(),
      );
    });

    it("reads each member of each part", () => {
      const numbered = (part: string, count: number) =>
        Array.from({ length: count }, (_, ordinal) => `${part}-${ordinal}`);
      const everywhere = {
        postgres: numbered("postgres", 3),
        patroni: numbered("postgres", 3),
        haproxy: ["haproxy"],
        redis: numbered("redis", 6),
        node: ["node"],
        api: numbered("api", 2),
        prometheus: ["prometheus-0"],
        alertmanager: ["alertmanager-0"],
      };
      const expected: PerTarget<Record<string, string[]>> = {
        docker: {
          ...everywhere,
          containers: ["node"],
          etcd: numbered("etcd", 3),
          gateway: ["gateway"],
          pgbouncer: ["pgbouncer"],
        },
        // Instances come and go: they are found by the addresses of one name.
        kubernetes: {
          ...everywhere,
          api: ["every api-instances.dujyo-dev.svc.cluster.local"],
          certificates: ["node"],
          disks: [...numbered("postgres", 3), ...numbered("redis", 6), "prometheus-0", "alertmanager-0"],
          haproxy: ["every haproxy-instances.dujyo-dev.svc.cluster.local"],
          pgbouncer: ["every pgbouncer-instances.dujyo-dev.svc.cluster.local"],
        },
      };
      const read = jobs.map(({ job, targets = [], found }) => [
        job,
        [...targets.map(({ instance }) => instance), ...(found ? [`every ${found.name}`] : [])],
      ]);
      expect(Object.fromEntries(read)).toEqual(expected[name]);
    });

    it("reads along edges of the connection graph alone", () => {
      const graph = connections(withReceiver, coordination).filter(({ from }) => from === "prometheus");
      const reads = jobs
        .flatMap(({ targets = [], found }) => [
          ...targets.map(({ address }) => address),
          ...(found ? [`${found.part}:${found.port}`] : []),
        ])
        .map((address) => address.split(":") as [string, string])
        .map(([host, port]) => ({ part: host.replace(/-\d+$/, ""), port: Number(port) }))
        // Itself it reads without leaving its own network.
        .filter(({ part }) => part !== "prometheus");
      expect(reads.length).toBeGreaterThan(10);
      const missing = reads.filter(
        ({ part, port }) => !graph.some((edge) => edge.to === part && edge.port === port),
      );
      expect(missing).toEqual([]);
    });

    it("scrapes every job that a rule or a dashboard asks for, under the same name", () => {
      // The cluster's own store and Services take their place there, and with them the reason to watch them.
      const without: PerTarget<string[]> = {
        // There are no backups without being asked for, and on one machine one disk.
        docker: ["backup", "certificates", "disks"],
        kubernetes: ["backup", "containers", "etcd", "gateway"],
      };
      expect([...jobsAskedFor()].filter((job) => !jobs.some((known) => known.job === job)).sort()).toEqual(
        without[name],
      );
      expect(jobs.length).toBeGreaterThan(9);
    });

    it("is handed no alert whose figures a stack of this kind lacks", () => {
      const target = name;
      const lacking = exceptionsFor({ ...withReceiver, target });
      const names = jobs.map(({ job }) => job);
      const rules = ruleFiles(withReceiver, names).flatMap(({ content }) =>
        (
          parse(content) as { groups: { rules: { alert?: string; record?: string; expr: string }[] }[] }
        ).groups.flatMap((group) => group.rules),
      );
      const blind = rules.filter(({ expr }) =>
        [...metricNames(expr)].some((metric) => forMetric(lacking, metric)),
      );
      expect(blind.map(({ alert, record }) => alert ?? record)).toEqual([]);
      const ofJobs = rules.flatMap(({ alert, expr }) =>
        [...expr.matchAll(/\bjob="(\w+)"/g)]
          .filter(([, job = ""]) => !names.includes(job))
          .map(([, job]) => `${alert} ${job}`),
      );
      // It has branches for other collectors.
      const branches: PerTarget<string[]> = { docker: [], kubernetes: ["CollectorFailing containers"] };
      expect(ofJobs).toEqual(branches[name]);
    });

    it("publishes the pages and no exporter", () => {
      expect(pages.map((page) => page.name)).toEqual(["Prometheus", "Alertmanager", "Grafana"]);
      const expected: PerTarget<Record<string, number[]>> = {
        docker: {
          "prometheus-0": [9090],
          "alertmanager-0": [9093],
          "grafana-0": [3000],
          "postgres-exporter-0": [],
          "redis-exporter": [],
          "node-exporter": [],
        },
        kubernetes: {},
      };
      expect(running.published).toMatchObject(expected[name]);
    });

    it("hands Grafana every dashboard, where to ask, and its passwords as files", () => {
      expect(running.files["grafana-0"]).toEqual([
        "dashboards/dujyo-api.json",
        "dashboards/dujyo-capacity.json",
        "dashboards/dujyo-overview.json",
        "dashboards/dujyo-pooling.json",
        "dashboards/dujyo-postgres.json",
        "dashboards/dujyo-redis.json",
        "grafana.ini",
        "provisioning/dashboards/dujyo.yml",
        "provisioning/datasources/prometheus.yml",
        "secrets/grafana-admin-password",
        "secrets/grafana-secret-key",
        "tls/ca.crt",
        "tls/server.crt",
        "tls/server.key",
      ]);
    });

    it("lets no receiver's secret into anything but a secret file", () => {
      expect(running.files["alertmanager-0"]).toContain("secrets/receiver-oncall");
      const open = running.registered.filter(
        ({ inputs }) =>
          JSON.stringify(inputs).includes(WEBHOOK) &&
          !JSON.stringify(plain(inputs.uploads)).includes(WEBHOOK),
      );
      expect(open.map((resource) => resource.name)).toEqual([]);
    });
  });

  describe(`Monitoring on ${name} without Grafana and without anybody to call`, () => {
    it.each([
      ["whose image no registry serves", {}, false],
      ["that is not wanted", { monitoring: { ...ticketsAlone.monitoring, grafana: false } }, true],
    ])("%s leaves it out, and nothing else", { timeout: RECORDING_MS }, async (_, given, served) => {
      let pages: Monitoring["pages"] = [];
      const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
      const registered = await record(() => {
        const target = TARGETS[name]();
        target.hasImage = () => served;
        ({ pages } = new Monitoring(
          "monitoring",
          watched(target, parseSettings("dev", { ...ticketsAlone, ...given })),
        ));
      });
      const warnings = warn.mock.calls.map(([text]) => text);
      warn.mockRestore();
      // A developer looks at the page; elsewhere somebody has to hear.
      const silent: PerTarget<string[]> = {
        docker: [],
        kubernetes: ["Nobody is called when the stack is down"],
      };
      expect(warnings.map((text) => text.split(":")[0])).toEqual([
        ...silent[name],
        ...(served ? [] : ["Grafana is left out"]),
      ]);
      const { members } = READERS[name](registered);
      expect(members).toContain("prometheus-0");
      expect(members).not.toContain("grafana-0");
      expect(pages.map((page) => page.name)).toEqual(["Prometheus", "Alertmanager"]);
    });
  });
}
