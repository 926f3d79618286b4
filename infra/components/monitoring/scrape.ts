import { stringify } from "yaml";
import { FILES_PATH } from "../../target.ts";

/** Whose root verifies a target, and which certificate Prometheus shows it: files `tls/<domain>-...` beside its configuration. */
export type TrustDomain = "monitoring" | "postgres" | "etcd" | "api";

export interface ScrapeTarget {
  /** The member that the figures are of. */
  readonly instance: string;
  /** Where they are read, `host:port`. */
  readonly address: string;
  /** What an exporter for several parts is asked about. */
  readonly target?: string;
}

/** Instances that come and go, found by the addresses of one name. */
export interface FoundTargets {
  /** What their certificates name, and their `instance` begins with. */
  readonly part: string;
  /** Whole name that has an address record for each. */
  readonly name: string;
  readonly port: number;
}

/** Targets that are read the same way; job names and labels are the same on every target platform. */
export interface ScrapeJob {
  readonly job: string;
  /** Those that are known beforehand. @default none */
  readonly targets?: readonly ScrapeTarget[];
  /** Those that are not. @default none */
  readonly found?: FoundTargets;
  /** Absent for plain HTTP within the stack's network. */
  readonly trust?: TrustDomain;
  /** @default "/metrics" */
  readonly path?: string;
  readonly parameters?: Readonly<Record<string, readonly string[]>>;
  /** Keep the `instance` that the series bring along. */
  readonly honourLabels?: boolean;
  /** Series of these names are not stored. A regular expression. */
  readonly drop?: string;
}

/** TLS settings with which Prometheus meets members of a trust domain. The API asks for no certificate. */
export function tlsConfig(trust: TrustDomain): Record<string, string> {
  const file = (name: string) => `${FILES_PATH}/tls/${trust}-${name}`;
  const own: Record<string, string> =
    trust === "api" ? {} : { cert_file: file("client.crt"), key_file: file("client.key") };
  return { ca_file: file("ca.crt"), ...own, min_version: "TLS13" };
}

/** The list below `scrape_configs`, YAML. */
export function scrapeConfigs(jobs: readonly ScrapeJob[]): string {
  return stringify(jobs.map(scrapeConfig), { lineWidth: 0 }).trimEnd();
}

/** An instance that has gone is looked for until then: well below the time after which it counts as lost. */
const LOOK_UP_INTERVAL = "10s";

/** How Prometheus finds instances. They are called by their addresses: names of their own they have none. */
function discovery({ part, name, port }: FoundTargets): Record<string, unknown> {
  return {
    dns_sd_configs: [{ names: [name], type: "A", port, refresh_interval: LOOK_UP_INTERVAL }],
    relabel_configs: [
      {
        source_labels: ["__address__"],
        regex: "(.*):[0-9]+",
        target_label: "instance",
        replacement: `${part}/$1`,
      },
    ],
  };
}

function scrapeConfig(job: ScrapeJob): Record<string, unknown> {
  const drops = job.drop ? [{ source_labels: ["__name__"], regex: job.drop, action: "drop" }] : [];
  return {
    job_name: job.job,
    scheme: job.trust ? "https" : "http",
    ...(job.trust
      ? { tls_config: { ...tlsConfig(job.trust), ...(job.found ? { server_name: job.found.part } : {}) } }
      : {}),
    ...(job.path ? { metrics_path: job.path } : {}),
    ...(job.parameters ? { params: job.parameters } : {}),
    ...(job.honourLabels ? { honor_labels: true } : {}),
    ...(job.found ? discovery(job.found) : {}),
    ...(job.targets
      ? {
          static_configs: job.targets.map(({ instance, address, target }) => ({
            targets: [address],
            labels: { instance, ...(target ? { __param_target: target } : {}) },
          })),
        }
      : {}),
    // The exporter's own name for what `instance` says already.
    metric_relabel_configs: [...drops, { regex: "server", action: "labeldrop" }].slice(
      0,
      drops.length + (job.job === "postgres" ? 1 : 0),
    ),
  };
}
