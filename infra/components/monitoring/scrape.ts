import { stringify } from "yaml";
import { seconds } from "../../lib/units.ts";
import { type FoundTargets, type ScrapeJob, seriesSteps, type TrustDomain } from "../../scrape-job.ts";
import type { Settings } from "../../settings/schema.ts";
import { FILES_PATH } from "../../target.ts";

/** Longest time that a target may take to answer, seconds. */
const SCRAPE_TIMEOUT = 10;

/** Seconds between two readings, and those that one may take. */
export function scrapeTiming({ scrapeInterval }: Pick<Settings["monitoring"], "scrapeInterval">): {
  readonly interval: number;
  readonly timeout: number;
} {
  const interval = seconds(scrapeInterval);
  return { interval, timeout: Math.min(SCRAPE_TIMEOUT, interval) };
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
  const serverName = job.serverName ?? job.found?.part;
  return {
    job_name: job.job,
    scheme: job.trust ? "https" : "http",
    ...(job.trust
      ? { tls_config: { ...tlsConfig(job.trust), ...(serverName ? { server_name: serverName } : {}) } }
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
    metric_relabel_configs: seriesSteps(job).map(({ sourceLabels, ...step }) => ({
      ...(sourceLabels ? { source_labels: sourceLabels } : {}),
      ...step,
    })),
  };
}
