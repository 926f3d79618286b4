import { monitorEventLoopDelay } from "node:perf_hooks";

import { type Aggregator, Counter, Gauge, type Registry } from "prom-client";

import type { Origin } from "./cache/read-through.ts";
import { Latencies } from "./metrics/latency.ts";

/** A value that is read when it is asked for. */
type Reading = () => number;

/** What the service tells about itself. Counts on hot paths are plain numbers, handed over when someone asks. */
export class ServiceMetrics {
  readonly latencies: Latencies;
  readonly reads: Record<Origin, number> = { l1: 0, redis: 0, replica: 0, primary: 0, stale: 0 };
  /** Answers by the first digit of their status, those to observers left out. */
  readonly answers: Record<string, number> = { "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0 };
  /** Answers to health checks and scrapes: many on an idle stack, and no user's. */
  readonly probes: Record<string, number> = {};
  /** What is being answered, and how much may be; set by whoever admits requests. */
  inFlight: { readonly running: Reading; readonly limit: number } = { running: () => 0, limit: 0 };
  /** Look-ups in the caches by what they found; reads that no cache can answer are not among them. */
  readonly lookups = { l1: 0, redis: 0, miss: 0 };
  readonly nodeFailures = { replica: 0, primary: 0 };
  cacheErrors = 0;
  gaps = 0;
  refused = 0;
  /** Requests refused because their caller had sent too many. */
  readonly limited = { address: 0, principal: 0 };
  /** Changes of the key set's file that could not be used. */
  keySetErrors = 0;
  bookings = 0;
  sealed = 0;

  /** @param lines log lines by level, counted by the logger. */
  constructor(registry: Registry, lines: Readonly<Record<string, number>> = {}) {
    counters(registry, "dujyo_api_log_lines_total", "Lines logged, by level", "level", () => lines);
    this.latencies = new Latencies(
      registry,
      "dujyo_api_http_request_duration_seconds",
      "Time from a request's arrival to its answer, by route",
    );
    counters(
      registry,
      "dujyo_api_http_responses_total",
      "Answers, by class of status",
      "status",
      () => this.answers,
    );
    counters(
      registry,
      "dujyo_api_probe_responses_total",
      "Answers to health checks and scrapes, by class of status",
      "status",
      () => this.probes,
    );
    counters(
      registry,
      "dujyo_api_cache_lookups_total",
      "Look-ups in the caches, by what they found",
      "found",
      () => this.lookups,
    );
    counters(
      registry,
      "dujyo_api_cache_reads_total",
      "Reads, by where the answer came from",
      "origin",
      () => this.reads,
    );
    counters(
      registry,
      "dujyo_api_node_failures_total",
      "Failed calls of database nodes",
      "node",
      () => this.nodeFailures,
    );
    counter(
      registry,
      "dujyo_api_cache_errors_total",
      "Failed calls of the shared cache",
      () => this.cacheErrors,
    );
    counter(
      registry,
      "dujyo_api_coherence_gaps_total",
      "Times that invalidations may have been missed",
      () => this.gaps,
    );
    counter(
      registry,
      "dujyo_api_refused_requests_total",
      "Requests refused because too many were in flight or waited for the primary",
      () => this.refused,
    );
    counters(
      registry,
      "dujyo_api_rate_limited_requests_total",
      "Requests refused because their caller had sent too many, by what the limit is kept by",
      "by",
      () => this.limited,
    );
    counter(
      registry,
      "dujyo_api_key_set_errors_total",
      "Changes of the key set that could not be used",
      () => this.keySetErrors,
    );
    gauge(registry, "dujyo_api_in_flight", "Requests being answered", () => this.inFlight.running());
    gauge(registry, "dujyo_api_in_flight_limit", "Requests that may be in flight", () => this.inFlight.limit);
    counter(registry, "dujyo_api_bookings_total", "Transfers booked", () => this.bookings);
    counter(registry, "dujyo_api_sealed_blocks_total", "Blocks sealed by this instance", () => this.sealed);
    processFigures(registry);
  }
}

/**
 * A gauge read at each scrape.
 *
 * @param aggregator what the values of a container's processes make together.
 */
export function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: Reading,
  aggregator: Aggregator = "sum",
): void {
  new Gauge({
    name,
    help,
    aggregator,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** A gauge with one label, read at each scrape; see `gauge`. */
export function gauges(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Readonly<Record<string, number>>,
  aggregator: Aggregator = "sum",
): void {
  new Gauge({
    name,
    help,
    aggregator,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, figure] of Object.entries(read())) this.set({ [label]: value }, figure);
    },
  });
}

function counter(registry: Registry, name: string, help: string, read: Reading): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function counters(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Readonly<Record<string, number>>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, figure] of Object.entries(read())) this.inc({ [label]: value }, figure);
    },
  });
}

function processFigures(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  gauge(registry, "process_resident_memory_bytes", "Resident memory", () => process.memoryUsage.rss());
  gauge(
    registry,
    "process_start_time_seconds",
    "Start of the process, of several the latest",
    () => performance.timeOrigin / 1000,
    "max",
  );
  counter(registry, "process_cpu_seconds_total", "CPU time used", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge(registry, "dujyo_api_heap_used_bytes", "Used heap", () => process.memoryUsage().heapUsed);
  gauge(
    registry,
    "dujyo_api_event_loop_delay_p99_seconds",
    "Delay of the event loop since the last scrape",
    () => {
      const p99 = delay.percentile(99) / 1e9;
      delay.reset();
      return p99;
    },
    "max",
  );
}
