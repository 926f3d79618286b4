import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { KNOWN_BY_MEMBER } from "../../connections.ts";
import { type ScrapeJob, type ScrapeTarget, seriesSteps, type TrustDomain } from "../../scrape-job.ts";
import type { Rule, RuleFile, WatchSpec } from "../../target.ts";
import { createFiles, key } from "./files.ts";
import { CLUSTER_DOMAIN, memberName } from "./network.ts";

/** What the Prometheus Operator makes of the stack's scrape jobs, rules and dashboards. */

export interface OperatorArgs {
  readonly stack: string;
  readonly namespace: string;
  /** Labels of every object of a part. */
  readonly labels: (part: string) => Record<string, string>;
  /** What the pods of a part are chosen by. */
  readonly selector: (part: string) => Record<string, string>;
  readonly spec: WatchSpec;
}

const MONITORING = "monitoring.coreos.com/v1";
/** Part of what belongs to no other part. */
const PART = "watch";
/** Label of the Services by which targets are discovered; its value is the job. */
const WATCHED = "dujyo.io/watched";
/** Their one port. */
const PORT = "figures";
/** By this label Grafana's sidecar finds its dashboards. */
const DASHBOARD_LABEL = { grafana_dashboard: "1" };
/** What the operator adds to every target and the stack's own Prometheus does not. */
const FOREIGN_LABELS = "node|namespace|service|pod|container|endpoint";

/** Declares all of it in the stack's namespace. */
export function createWatch(args: OperatorArgs, opts: pulumi.CustomResourceOptions): void {
  const { namespace, spec, labels } = args;
  const { secrets } = createFiles(
    { name: PART, namespace, labels: labels(PART), shared: spec.identities, own: {} },
    opts,
  );
  const found = { ...labels(PART), ...spec.labels };
  for (const source of spec.jobs.flatMap(sourcesOf)) {
    createSource(args, source, opts);
    new kubernetes.apiextensions.CustomResource(
      `watch-${source.name}`,
      {
        apiVersion: MONITORING,
        kind: "ServiceMonitor",
        metadata: { name: `dujyo-${source.name}`, namespace, labels: found },
        spec: serviceMonitor(args, source),
      },
      { ...opts, dependsOn: [...secrets] },
    );
  }
  for (const file of spec.rules)
    new kubernetes.apiextensions.CustomResource(
      `rules-${file.name}`,
      {
        apiVersion: MONITORING,
        kind: "PrometheusRule",
        metadata: { name: `dujyo-${file.name}`, namespace, labels: found },
        spec: { groups: groupsOf(file, args.stack) },
      },
      opts,
    );
  for (const { name, content } of spec.dashboards)
    new kubernetes.core.v1.ConfigMap(
      `dashboard-${name}`,
      {
        metadata: { name, namespace, labels: { ...labels(PART), ...DASHBOARD_LABEL } },
        data: { [`${name}.json`]: content },
      },
      opts,
    );
}

/** Targets of one job that are pods of one part. */
interface Source {
  /** Of the job, and of the part where it has several. */
  readonly name: string;
  readonly job: ScrapeJob;
  readonly part: string;
  readonly port: number;
  readonly targets: readonly ScrapeTarget[];
}

/** @throws Error where the targets that a job has in a part listen on several ports: a mistake of the program */
function sourcesOf(job: ScrapeJob): Source[] {
  const name = job.job;
  if (job.found) return [{ name, job, part: job.found.part, port: job.found.port, targets: [] }];
  const byPart = [...Map.groupBy(job.targets ?? [], (target) => locate(target).part)];
  return byPart.map(([part, targets]) => {
    const [port, ...others] = new Set(targets.map((target) => locate(target).port));
    if (port === undefined || others.length > 0)
      throw new Error(`bug: the job ${name} reads several ports of ${part}`);
    return { name: byPart.length === 1 ? name : `${name}-${part}`, job, part, port, targets };
  });
}

function locate({ address }: ScrapeTarget) {
  const [host = "", port] = address.split(":");
  const member = host.replace(/-[0-9]+$/, "");
  return { host, port: Number(port), part: KNOWN_BY_MEMBER.has(member) ? member : host };
}

/** A Service of its own: those that the parts have lack the port, or leave out who is not ready. */
function createSource(
  { namespace, labels, selector }: OperatorArgs,
  source: Source,
  opts: pulumi.CustomResourceOptions,
): void {
  const { part, port } = source;
  const name = `${source.name}-figures`;
  new kubernetes.core.v1.Service(
    name,
    {
      metadata: {
        name,
        namespace,
        labels: { ...labels(part), [WATCHED]: source.job.job },
        annotations: { "pulumi.com/skipAwait": "true" },
      },
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: selector(part),
        ports: [{ name: PORT, port, targetPort: port }],
      },
    },
    opts,
  );
}

function serviceMonitor(args: OperatorArgs, { job, part, targets }: Source): Record<string, unknown> {
  return {
    selector: { matchLabels: { ...args.selector(part), [WATCHED]: job.job } },
    endpoints: job.found
      ? [endpoint(args, job, job.serverName ?? job.found.part, instanceByAddress(job.found.part))]
      : targets.map((target) =>
          endpoint(
            args,
            job,
            job.serverName ?? locate(target).host,
            instanceByName(args, target),
            target.target,
          ),
        ),
  };
}

function endpoint(
  { spec }: OperatorArgs,
  job: ScrapeJob,
  serverName: string,
  relabelings: readonly Record<string, unknown>[],
  asked?: string,
): Record<string, unknown> {
  const params = { ...job.parameters, ...(asked ? { target: [asked] } : {}) };
  const series = seriesSteps(job);
  return {
    port: PORT,
    interval: `${spec.interval}s`,
    scrapeTimeout: `${spec.timeout}s`,
    scheme: job.trust ? "https" : "http",
    ...(job.trust ? { tlsConfig: { ...tlsConfig(job.trust), serverName } } : {}),
    ...(job.path ? { path: job.path } : {}),
    ...(Object.keys(params).length > 0 ? { params } : {}),
    ...(job.honourLabels ? { honorLabels: true } : {}),
    relabelings: [
      ...relabelings,
      { targetLabel: "job", replacement: job.job },
      { action: "labeldrop", regex: FOREIGN_LABELS },
    ],
    ...(series.length > 0 ? { metricRelabelings: series } : {}),
  };
}

function instanceByAddress(part: string): Record<string, unknown>[] {
  return [
    {
      sourceLabels: ["__address__"],
      regex: "(.*):[0-9]+",
      targetLabel: "instance",
      replacement: `${part}/$1`,
    },
  ];
}

/**
 * Whichever pod of the part was discovered, the target is the one of this name; with the same address and labels they are
 * one. So a member counts as down while it has no address, as long as any other has one.
 */
function instanceByName({ namespace }: OperatorArgs, target: ScrapeTarget): Record<string, unknown>[] {
  const { host, part, port } = locate(target);
  const name =
    host === part ? `${part}.${namespace}.svc.${CLUSTER_DOMAIN}` : memberName(host, part, namespace);
  return [
    { targetLabel: "__address__", replacement: `${name}:${port}` },
    { targetLabel: "instance", replacement: target.instance },
  ];
}

/** What the stack's own Prometheus has as files. The API asks for no certificate. */
function tlsConfig(trust: TrustDomain): Record<string, unknown> {
  const entry = (file: string) => ({ name: `${PART}-files`, key: key(`tls/${trust}-${file}`) });
  return {
    ca: { secret: entry("ca.crt") },
    ...(trust === "api" ? {} : { cert: { secret: entry("client.crt") }, keySecret: entry("client.key") }),
    minVersion: "TLS13",
  };
}

/** The stack's own Prometheus puts its name on all that it sends out; this one sends for others, too. */
function groupsOf({ groups }: RuleFile, stack: string): RuleFile["groups"] {
  const named = (rule: Rule) => (rule.alert ? { ...rule, labels: { ...rule.labels, stack } } : rule);
  return groups
    .map((group) => ({ ...group, rules: group.rules.map(named) }))
    .filter(({ rules }) => rules.length > 0);
}
