import { type RequestSummary, summarize } from "../diagnostics.ts";
import type { BreakerState } from "../resilience/circuit-breaker.ts";
import { STATES } from "./instance-gauges.ts";
import { latencyOf } from "./latency.ts";
import type { Snapshot } from "./workers.ts";

export interface WorkersSummary extends RequestSummary {
  /** The worst state that any worker's breaker is in. */
  readonly circuit_breakers: Readonly<Record<string, BreakerState>>;
}

/** What one process tells about its requests, of all workers: read from their figures, as they stand in the text too. */
export function summarizeWorkers(figures: Snapshot): WorkersSummary {
  const values = (name: string) => figures.find((metric) => metric.name === name)?.values ?? [];
  const value = (name: string): number => values(name)[0]?.value ?? 0;
  const byLabel = (name: string, label: string): Record<string, number> =>
    Object.fromEntries(values(name).map(({ labels, value }) => [String(labels[label]), value]));
  const states = Object.keys(STATES) as BreakerState[];
  const breakers = Object.entries(byLabel("dujyo_api_breaker_state", "breaker"));
  return {
    ...summarize({
      latency: latencyOf(values("dujyo_api_http_request_duration_seconds")),
      answers: byLabel("dujyo_api_http_responses_total", "status"),
      reads: byLabel("dujyo_api_cache_reads_total", "origin"),
      uptimeSeconds: Date.now() / 1000 - value("process_start_time_seconds"),
      trusted: value("dujyo_api_caches_trusted") === 1,
    }),
    circuit_breakers: Object.fromEntries(
      breakers.map(([name, figure]) => [name, states.find((state) => STATES[state] === figure) ?? "open"]),
    ),
  };
}
