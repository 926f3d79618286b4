import * as pulumi from "@pulumi/pulumi";
import { readConfig, render } from "../lib/render.ts";
import { bytes, seconds } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { HEARTBEAT } from "../settings/receivers.ts";
import type { FileSpec, Target, WorkloadSpec } from "../target.ts";
import { alertmanagerFiles, secretPath } from "./monitoring/alert-routing.ts";
import { scrapeJobs } from "./monitoring/connection-graph.ts";
import { deployExporters, deployNodeExporter } from "./monitoring/exporters.ts";
import { deployGrafana } from "./monitoring/grafana.ts";
import { scrapeIdentities } from "./monitoring/identity.ts";
import { listenerFiles } from "./monitoring/listener.ts";
import { handOver } from "./monitoring/operator.ts";
import { ruleFiles } from "./monitoring/rule-files.ts";
import { scrapeConfigs, scrapeTiming, tlsConfig } from "./monitoring/scrape.ts";
import type { MonitoringArgs } from "./monitoring/sources.ts";

const MB = 2 ** 20;
/** Of the disk for series; the rest is for the write-ahead log and compaction. */
const SERIES_SHARE = 0.8;

/**
 * Exporters, Prometheus, Alertmanager and, where its image can be had, Grafana; or the exporters alone, with what a monitoring
 * that the cluster has already needs to read them. It depends on nothing that it watches being well: a part that does not answer
 * is what it is there to tell.
 */
export class Monitoring extends pulumi.ComponentResource {
  /** Pages for people, each with its port inside the stack's network. */
  readonly pages: readonly { readonly name: string; readonly port: number }[];
  /** Of Grafana's user `admin`, a secret; undefined where there is no Grafana. */
  readonly grafanaPassword?: pulumi.Output<string>;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:Monitoring", name, {}, opts);
    deployExporters(args, this);
    if (args.settings.monitoring.mode === "operator") {
      handOver(args, this);
      this.pages = [];
    } else {
      this.grafanaPassword = this.#deployOwn(args);
      this.pages = [
        { name: "Prometheus", port: PORTS.prometheus },
        { name: "Alertmanager", port: PORTS.alertmanager },
        ...(this.grafanaPassword ? [{ name: "Grafana", port: PORTS.grafana }] : []),
      ];
    }
    deployNodeExporter(args, this);
    this.registerOutputs({});
  }

  /** @returns the password of Grafana's user `admin`, where there is a Grafana */
  #deployOwn(args: MonitoringArgs): pulumi.Output<string> | undefined {
    const { target, settings } = args;
    warnIfNobodyIsCalled(args, this);
    this.#deployAlertmanager(args);
    this.#deployPrometheus(args);
    if (!settings.monitoring.grafana) return undefined;
    if (target.hasImage("grafana")) return deployGrafana(args, this);
    void pulumi.log.warn(
      "Grafana is left out: no registry served its image. Everything else works; the main series are in the page that " +
        '"npm run report:html" writes. Reach a registry and repeat, or set monitoring.grafana to false.',
      this,
    );
    return undefined;
  }

  #deployAlertmanager({ target, settings, authority, companions }: MonitoringArgs): void {
    const part = "alertmanager";
    const { receivers, heartbeat, alertmanagerMemory, exporterCpus } = settings.monitoring;
    const holders = [...receivers.map(({ name }) => name), ...(heartbeat ? [HEARTBEAT] : [])];
    const secrets = holders.map((name) => ({
      path: secretPath(name),
      content: pulumi.secret(settings.receiverSecrets[name] as string),
    }));
    target.members(
      part,
      {
        image: "alertmanager",
        count: 1,
        storage: 256 * MB,
        companion: companions?.member,
        limits: { memory: bytes(alertmanagerMemory), cpus: exporterCpus },
        ...page(target, PORTS.alertmanager, settings.portOffset),
        files: [
          ...pageFiles(target),
          ...listenerFiles(part, [...target.memberHosts(part, 0), part], authority, this),
          ...secrets,
          ...alertmanagerFiles(settings.monitoring),
        ],
        stopGrace: 10,
        startTimeout: 60,
        member: () => ({}),
      },
      { parent: this },
    );
  }

  #deployPrometheus(args: MonitoringArgs): void {
    const { target, settings, authority, companions } = args;
    const part = "prometheus";
    const { monitoring, portOffset } = settings;
    const { environment, ...listener } = page(target, PORTS.prometheus, portOffset);
    const series = Math.floor((bytes(monitoring.storage) * SERIES_SHARE) / MB);
    target.members(
      part,
      {
        image: "prometheus",
        count: 1,
        storage: bytes(monitoring.storage),
        companion: companions?.member,
        limits: { memory: bytes(monitoring.memory), cpus: monitoring.cpus },
        ...listener,
        environment: {
          ...environment,
          RETENTION: `${seconds(monitoring.retention)}s`,
          RETENTION_SIZE: `${series}MB`,
          GOMEMLIMIT: `${Math.floor((bytes(monitoring.memory) * 0.9) / MB)}MiB`,
        },
        files: [
          ...pageFiles(target),
          ...listenerFiles(part, [...target.memberHosts(part, 0), part], authority, this),
          ...scrapeIdentities(args, this),
          ...ruleFiles(
            settings,
            scrapeJobs(args).map(({ job }) => job),
          ),
          { path: "prometheus.yml", content: prometheusConfiguration(args) },
        ],
        stopGrace: 30,
        // A large write-ahead log is read before the first answer.
        startTimeout: 180,
        member: () => ({}),
      },
      { parent: this },
    );
  }
}

/** A developer looks at the page; on any other stack somebody has to hear. */
function warnIfNobodyIsCalled({ target, settings }: MonitoringArgs, parent: pulumi.Resource): void {
  const { receivers } = settings.monitoring;
  if (target.loopbackPages || receivers.some(({ severities }) => severities.includes("page"))) return;
  void pulumi.log.warn(
    'Nobody is called when the stack is down: no receiver in monitoring.receivers takes the severity "page". ' +
      "Add one, see docs/monitoring.md.",
    parent,
  );
}

/** Port and environment of a part that people open in a browser. */
function page(target: Target, port: number, portOffset: number): Pick<WorkloadSpec, "ports" | "environment"> {
  const scheme = target.loopbackPages ? "http" : "https";
  return {
    ports: [{ name: "page", port, published: port + portOffset }],
    environment: {
      OWN_URL: `${scheme}://localhost:${port}`,
      EXTERNAL_URL: `${scheme}://localhost:${port + portOffset}`,
      GOMAXPROCS: "1",
    },
  };
}

/** How a page listens, and how its own checks reach it. */
function pageFiles({ loopbackPages }: Target): FileSpec[] {
  const listener = readConfig(loopbackPages ? "exporters/web-loopback.yml" : "exporters/web.yml");
  return [
    { path: "web.yml", content: listener },
    { path: "http-client.yml", content: readConfig("prometheus/http-client.yml") },
  ];
}

function prometheusConfiguration(args: MonitoringArgs): string {
  const { target, settings } = args;
  const { interval, timeout } = scrapeTiming(settings.monitoring);
  return render("prometheus/prometheus.yml", {
    stack: pulumi.getStack(),
    scrapeInterval: `${interval}s`,
    scrapeTimeout: `${timeout}s`,
    pageScheme: target.loopbackPages ? "http" : "https",
    alertmanagerTls: `tls_config: ${JSON.stringify(target.loopbackPages ? {} : tlsConfig("monitoring"))}`,
    alertmanager: `alertmanager-0:${PORTS.alertmanager}`,
    scrapeConfigs: scrapeConfigs(scrapeJobs(args)),
  });
}
