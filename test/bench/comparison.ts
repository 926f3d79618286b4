import type { BenchStack } from "./stack.ts";

/** Figures of one measurement by name; see {@link FIGURES}. */
export type Sample = Readonly<Partial<Record<FigureName, number>>>;

/** What can be measured, with its unit as reports print it. */
export const FIGURES = {
  perSecond: { title: "per second", digits: 0 },
  cpuMicros: { title: "CPU per request, µs", digits: 1 },
  generatorShare: { title: "generator's share of a core", digits: 2 },
  mean: { title: "mean, ms", digits: 2 },
  p50: { title: "p50, ms", digits: 2 },
  p95: { title: "p95, ms", digits: 2 },
  p99: { title: "p99, ms", digits: 2 },
  commands: { title: "Redis commands per request", digits: 3 },
  connections: { title: "connections", digits: 0 },
  refused: { title: "refused a second, with a time to come back", digits: 0 },
  acceptedP99: { title: "p99 of the accepted at most, ms", digits: 1 },
  recoveryMs: { title: "until an answer within 200 ms, ms", digits: 0 },
  rssMiB: { title: "resident memory at most, MiB", digits: 0 },
  rssGrowth: { title: "growth of it", digits: 3 },
  seconds: { title: "time, s", digits: 2 },
  cpuSeconds: { title: "processor time, s", digits: 2 },
  resources: { title: "resources", digits: 0 },
  perResourceMs: { title: "processor time per resource, ms", digits: 2 },
  errors: { title: "errors", digits: 0 },
  hitRatio: { title: "hit ratio of the caches", digits: 4 },
  callsPerRead: { title: "database calls per read", digits: 4 },
  buffersPerRead: { title: "buffers per read", digits: 4 },
  callsPerWrite: { title: "database calls per write", digits: 3 },
} as const satisfies Record<string, { title: string; digits: number }>;

export type FigureName = keyof typeof FIGURES;

/** One of the things that are compared. */
export interface Variant {
  readonly name: string;
  /** Measures once for about this many seconds. */
  measure(seconds: number): Promise<Sample>;
}

/** A figure of one variant, as it is or as a multiple of another variant's, and the bound that it has to keep. */
export interface Goal {
  readonly what: string;
  readonly figure: FigureName;
  readonly of: string;
  /** The variant it is a multiple of. @default none: the figure itself, which is this machine's */
  readonly against?: string;
  /** How it relates to the other variant. @default "ratio" */
  readonly by?: "ratio" | "difference";
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
}

/** Variants that are up and warm. */
export interface Prepared {
  readonly variants: readonly Variant[];
  stop(): Promise<void>;
}

/** One question, answered by measuring variants in turn. */
export interface Comparison {
  /** Names the report's files: `p1`. */
  readonly name: string;
  readonly title: string;
  /** What the load is: tool, connections, distribution of keys, reads and writes. */
  readonly load: string;
  readonly goals: readonly Goal[];
  /** Of one measurement, where a steady state takes longer than the runner's own. */
  readonly seconds?: number;
  /** @default the runner's own */
  readonly rounds?: number;
  /** How long it takes, where that is so long that it runs only if it is named. */
  readonly onRequest?: string;
  /** @param trial whether less data will do, since nobody wants the figures */
  prepare(stack: BenchStack, trial: boolean): Promise<Prepared>;
}
