import type { CacheDiagnostics, CacheFigures } from "./cache/redis-diagnostics.ts";
import type { BoundedPool } from "./database/pools.ts";
import type { Figures, Fleet, FleetFigures } from "./metrics/fleet.ts";
import type { HitRatio, HitWindow } from "./metrics/hit-window.ts";
import { quantile, type RouteLatency } from "./metrics/latency.ts";
import type { ServiceMetrics } from "./metrics.ts";
import type { ReplicaState, Replication } from "./repositories/replication.ts";
import type { Breaker, BreakerState } from "./resilience/circuit-breaker.ts";

export interface PoolFigures {
  readonly size: number;
  readonly idle: number;
  readonly active_connections: number;
  readonly waiting: number;
  readonly limit: number;
}

export interface DatabaseStats {
  readonly master: PoolFigures & { readonly name: "master"; readonly is_healthy: boolean };
  /** The pool that reads from replicas; the routing behind it chooses one per connection. */
  readonly reader_pool: PoolFigures;
  readonly replicas: readonly ReplicaState[];
  readonly total_healthy_replicas: number;
  readonly total_replicas: number;
}

export interface DiagnosticsArgs {
  readonly instance: string;
  readonly metrics: ServiceMetrics;
  readonly writer: BoundedPool;
  readonly reader: BoundedPool;
  readonly replication: Replication;
  readonly cache: CacheDiagnostics;
  readonly hits: HitWindow;
  readonly fleet: Fleet;
  readonly breakers: () => readonly Breaker[];
  readonly trusted: () => boolean;
}

/** Real figures about this instance and its surroundings, for people. */
export class Diagnostics {
  readonly #args: DiagnosticsArgs;

  constructor(args: DiagnosticsArgs) {
    this.#args = args;
  }

  get instance(): string {
    return this.#args.instance;
  }

  async hitRatio(): Promise<HitRatio> {
    return await this.#args.hits.ratio();
  }

  async fleet(): Promise<FleetFigures> {
    return await this.#args.fleet.totals();
  }

  async cache(): Promise<CacheFigures> {
    return await this.#args.cache.read();
  }

  async database(): Promise<DatabaseStats> {
    const { writer, reader, replication } = this.#args;
    const { primaryHealthy, replicas } = await replication.read();
    return {
      master: { name: "master", ...poolFigures(writer), is_healthy: primaryHealthy },
      reader_pool: poolFigures(reader),
      replicas,
      total_healthy_replicas: replicas.filter((replica) => replica.is_healthy).length,
      total_replicas: replicas.length,
    };
  }

  breakers(): Record<string, BreakerState> {
    return Object.fromEntries(this.#args.breakers().map(({ name, state }) => [name, state]));
  }

  breakerOpen(): boolean {
    return this.#args.breakers().some(({ state }) => state !== "closed");
  }

  requests(): RequestSummary {
    const { latencies, answers, reads } = this.#args.metrics;
    return summarize({
      latency: latencies.total(),
      answers,
      reads,
      uptimeSeconds: process.uptime(),
      trusted: this.#args.trusted(),
    });
  }
}

export interface RequestFigures {
  readonly latency: RouteLatency;
  /** By the first digit of their status: "2xx" and so on. */
  readonly answers: Readonly<Record<string, number>>;
  /** By where the answer came from. */
  readonly reads: Readonly<Record<string, number>>;
  readonly uptimeSeconds: number;
  readonly trusted: boolean;
}

export type RequestSummary = ReturnType<typeof summarize>;

/** Requests of one process, or of several together, as answers show them. */
export function summarize({ latency, answers, reads, uptimeSeconds, trusted }: RequestFigures) {
  const milliseconds = (q: number): number | null => {
    const bound = quantile(latency, q);
    return bound === null ? null : bound * 1000;
  };
  const answered = Object.values(answers).reduce((sum, count) => sum + count, 0);
  return {
    requests_total: answered,
    error_rate: answered === 0 ? 0 : (answers["5xx"] ?? 0) / answered,
    response_time_ms: {
      average: latency.count === 0 ? null : (latency.sum / latency.count) * 1000,
      p95_at_most: milliseconds(0.95),
      p99_at_most: milliseconds(0.99),
    },
    reads_by_origin: { ...reads },
    uptime_seconds: Math.floor(uptimeSeconds),
    caches_trusted: trusted,
  };
}

export function poolFigures(pool: BoundedPool): PoolFigures {
  const { size, idle, waiting, limit } = pool;
  return { size, idle, active_connections: size - idle, waiting, limit };
}

/** What an instance reports to the others; every figure can be added up. */
export function fleetFigures(
  metrics: ServiceMetrics,
  writer: BoundedPool,
  reader: BoundedPool,
  l1Bytes: number,
): Figures {
  const { latencies, answers, reads, bookings, refused } = metrics;
  const { count, sum } = latencies.total();
  return {
    requests: count,
    request_seconds: sum,
    server_errors: answers["5xx"] ?? 0,
    cache_reads: reads.l1 + reads.redis,
    node_reads: reads.replica + reads.primary,
    stale_reads: reads.stale,
    bookings,
    refused,
    writer_connections: writer.size,
    reader_connections: reader.size,
    l1_bytes: l1Bytes,
  };
}
