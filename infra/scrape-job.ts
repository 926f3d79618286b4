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
  /** What the certificates of all targets name, where that is not where they are read. */
  readonly serverName?: string;
  /** @default "/metrics" */
  readonly path?: string;
  readonly parameters?: Readonly<Record<string, readonly string[]>>;
  /** Keep the `instance` that the series bring along. */
  readonly honourLabels?: boolean;
  /** Series of these names are not stored. A regular expression. */
  readonly drop?: string;
}

/** A step of Prometheus's `metric_relabel_configs`. */
export interface SeriesStep {
  readonly sourceLabels?: readonly string[];
  readonly regex: string;
  readonly action: "drop" | "labeldrop";
}

/** What is left out of the figures of a job before they are stored. */
export function seriesSteps({ job, drop }: ScrapeJob): SeriesStep[] {
  return [
    ...(drop ? [{ sourceLabels: ["__name__"], regex: drop, action: "drop" } as const] : []),
    // The exporter's own name for what `instance` says already.
    ...(job === "postgres" ? [{ regex: "server", action: "labeldrop" } as const] : []),
  ];
}
