import type { Registry } from "prom-client";

import type { Floors } from "../cache/floors.ts";
import type { L1Cache } from "../cache/l1.ts";
import type { Trust } from "../cache/trust.ts";
import type { BoundedPool } from "../database/pools.ts";
import type { UnsettledAccounts } from "../ledger/unsettled.ts";
import { gauge, gauges } from "../metrics.ts";
import type { KeyRing } from "../plugins/authentication.ts";
import type { Breaker } from "../resilience/circuit-breaker.ts";
import type { RateLimiter } from "../resilience/rate-limiter.ts";

export interface InstanceGaugesArgs {
  readonly writerPool: BoundedPool;
  readonly readerPool: BoundedPool;
  readonly l1: L1Cache;
  readonly floors: Floors;
  readonly breakers: () => readonly Breaker[];
  readonly trust: Trust;
  readonly unsettled: UnsettledAccounts;
  readonly limiters: Readonly<Record<string, RateLimiter>>;
  readonly keys: KeyRing;
}

/** The breakers' states as figures: the greater, the worse. */
export const STATES = { closed: 0, "half-open": 1, open: 2 } as const;

/** Gauges that are read from the parts they tell about. */
export function addInstanceGauges(registry: Registry, args: InstanceGaugesArgs): void {
  const { writerPool, readerPool, l1, floors, breakers, trust, unsettled, limiters, keys } = args;
  const pools = (pick: (pool: BoundedPool) => number) => () => ({
    writer: pick(writerPool),
    reader: pick(readerPool),
  });
  gauges(
    registry,
    "dujyo_api_pool_connections",
    "Open connections",
    "pool",
    pools((pool) => pool.size),
  );
  gauges(
    registry,
    "dujyo_api_pool_idle",
    "Connections not in use",
    "pool",
    pools((pool) => pool.idle),
  );
  gauges(
    registry,
    "dujyo_api_pool_waiting",
    "Requests that wait for a connection",
    "pool",
    pools((pool) => pool.waiting),
  );
  gauges(
    registry,
    "dujyo_api_pool_limit",
    "Connections at most",
    "pool",
    pools((pool) => pool.limit),
  );
  gauges(
    registry,
    "dujyo_api_pool_queue_limit",
    "Requests that may wait for a connection",
    "pool",
    pools((pool) => pool.queueLimit),
  );
  gauges(
    registry,
    "dujyo_api_breaker_state",
    "0 closed, 1 half-open, 2 open",
    "breaker",
    () => Object.fromEntries(breakers().map(({ name, state }) => [name, STATES[state]])),
    "max",
  );
  gauge(registry, "dujyo_api_l1_bytes", "Bytes in the process's own cache", () => l1.bytes);
  gauge(registry, "dujyo_api_l1_entries", "Entries in the process's own cache", () => l1.size);
  gauge(registry, "dujyo_api_floors", "Versions kept as lower bounds", () => floors.size);
  gauge(
    registry,
    "dujyo_api_caches_trusted",
    "1 while invalidations are proved to arrive",
    () => (trust.trusted(Date.now()) ? 1 : 0),
    "min",
  );
  gauges(
    registry,
    "dujyo_api_session_up",
    "1 while a session that invalidations arrive on proves that it delivers",
    "session",
    () => trust.sessions(Date.now()),
    "min",
  );
  gauges(
    registry,
    "dujyo_api_rate_limit_keys",
    "Callers that a limit counts, by what it is kept by",
    "by",
    () => Object.fromEntries(Object.entries(limiters).map(([by, { keys }]) => [by, keys])),
  );
  gauges(registry, "dujyo_api_token_keys", "Processes that accept tokens of a key, by its kid", "kid", () =>
    Object.fromEntries(keys.keySet.keys.map(({ kid = "" }) => [kid, 1])),
  );
  gauge(
    registry,
    "dujyo_api_unsettled_accounts",
    "Accounts with a booking of unknown outcome",
    () => unsettled.size,
  );
}
