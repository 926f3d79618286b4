import type { ServiceConfig } from "../config.ts";
import { Problem } from "../errors.ts";
import { type Breaker, createBreaker } from "../resilience/circuit-breaker.ts";
import { ChangeListener, type ChangeListenerArgs } from "./change-listener.ts";
import { nodeFailed } from "./failures.ts";
import { NodeReader, type NodeReaderArgs, PING } from "./node-reader.ts";
import { PipelinedLane } from "./pipelined-lane.ts";
import { BoundedPool } from "./pools.ts";
import { PrimaryClock } from "./primary-clock.ts";
import { PoolLane } from "./read-lane.ts";

export interface DatabaseEvents
  extends Pick<ChangeListenerArgs, "trust" | "onChanges" | "onBulk" | "onGap" | "onError">,
    Pick<NodeReaderArgs, "onFailure"> {}

export interface DatabaseConnections {
  readonly reader: NodeReader;
  readonly writerPool: BoundedPool;
  readonly readerPool: BoundedPool;
  readonly writerBreaker: Breaker;
  readonly breakers: readonly Breaker[];
  readonly listener: ChangeListener;
  /** Whether some node has answered since the start. That all have failed lately is nobody's start to wait for. */
  reached(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Proves that the primary acknowledges commits: a record in its log, which the standbys have to confirm like any other. It
 * changes no row.
 */
const WRITE_PROBE = {
  name: "write-probe",
  text: "SELECT pg_logical_emit_message(true, 'dujyo', 'probe')",
};

/** Connects to the pooler, for writing and for reading, and past it to hear of changes. */
export function connectDatabase(config: ServiceConfig, events: DatabaseEvents): DatabaseConnections {
  const { database: limits, cache, instance } = config;
  const onError = events.onError;
  const { connectTimeoutMs, queryTimeoutMs } = limits;
  const writerPool = new BoundedPool({
    login: limits.writer,
    limits: limits.writerPool,
    name: `${instance} writer`,
    connectTimeoutMs,
    queryTimeoutMs: limits.writeTimeoutMs,
    onError,
  });
  const readerPool = new BoundedPool({
    login: limits.reader,
    limits: limits.readerPool,
    name: `${instance} reader`,
    connectTimeoutMs,
    queryTimeoutMs,
    onError,
  });
  // What a statement says about itself is no sign of a bad node; nor is a full waiting line.
  const counts = (error: Error): boolean => !(error instanceof Problem) && nodeFailed(error);
  const breaker = (name: string, probe: () => Promise<unknown>): Breaker =>
    createBreaker({ name, ...config.breaker, counts, probe });
  const clock = new PrimaryClock(4 * cache.maxStalenessMs);
  const primaryLane = new PoolLane(writerPool, queryTimeoutMs);
  const replicaLane = new PipelinedLane(readerPool, queryTimeoutMs);
  const replica = breaker("replica reads", () => replicaLane.query(PING, []));
  const primary = breaker("primary reads", () => primaryLane.query(PING, []));
  const writerBreaker = breaker("writes", () => writerPool.pool.query(WRITE_PROBE));
  const listener = new ChangeListener({
    ...events,
    clock,
    login: limits.listener,
    name: `${instance} listen`,
    connectTimeoutMs,
    // Also dates what replicas answer, so it stays frequent however much staleness is allowed.
    pulseMs: Math.min(cache.maxStalenessMs / 5, 500),
    timeoutMs: cache.maxStalenessMs / 2,
    // A failover ends at some moment of the breakers' pause: it shall not last as much longer.
    onConnected: () => {
      for (const waiting of [primary, writerBreaker]) waiting.suggest();
    },
  });
  const reader = new NodeReader({
    replica: { lane: replicaLane, pool: readerPool, breaker: replica },
    primary: { lane: primaryLane, breaker: primary },
    clock,
    retries: config.retries,
    maxAgeMs: cache.maxStalenessMs / 2,
    onFailure: events.onFailure,
  });
  return {
    reader,
    writerPool,
    readerPool,
    writerBreaker,
    breakers: [replica, primary, writerBreaker],
    listener,
    async reached() {
      if (!reader.answered) await reader.read(PING, []).catch(() => undefined);
      return reader.answered;
    },
    async close() {
      await listener.stop();
      await Promise.all([writerPool.close(), readerPool.close()]);
    },
  };
}
