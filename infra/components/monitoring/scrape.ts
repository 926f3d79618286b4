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

/** Targets that are read the same way; job names and labels are the same on every target platform. */
export interface ScrapeJob {
  readonly job: string;
  readonly targets: readonly ScrapeTarget[];
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

function scrapeConfig(job: ScrapeJob): Record<string, unknown> {
  const drops = job.drop ? [{ source_labels: ["__name__"], regex: job.drop, action: "drop" }] : [];
  return {
    job_name: job.job,
    scheme: job.trust ? "https" : "http",
    ...(job.trust ? { tls_config: tlsConfig(job.trust) } : {}),
    ...(job.path ? { metrics_path: job.path } : {}),
    ...(job.parameters ? { params: job.parameters } : {}),
    ...(job.honourLabels ? { honor_labels: true } : {}),
    static_configs: job.targets.map(({ instance, address, target }) => ({
      targets: [address],
      labels: { instance, ...(target ? { __param_target: target } : {}) },
    })),
    // The exporter's own name for what `instance` says already.
    metric_relabel_configs: [...drops, { regex: "server", action: "labeldrop" }].slice(
      0,
      drops.length + (job.job === "postgres" ? 1 : 0),
    ),
  };
}
