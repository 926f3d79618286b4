import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { Registry } from "prom-client";

import type { AppServices } from "./app.ts";
import { Coherence } from "./cache/coherence.ts";
import { connectCache } from "./cache/connect.ts";
import { Floors } from "./cache/floors.ts";
import { L1Cache } from "./cache/l1.ts";
import { PEER_SESSION, PeerLink } from "./cache/peer-link.ts";
import { ReadThrough } from "./cache/read-through.ts";
import { Trust } from "./cache/trust.ts";
import { parseKeySet } from "./config/key-set.ts";
import type { ServiceConfig } from "./config.ts";
import { LISTEN_SESSION } from "./database/change-listener.ts";
import { connectDatabase } from "./database/connect.ts";
import { Diagnostics, fleetFigures } from "./diagnostics.ts";
import { FollowedFiles } from "./followed-files.ts";
import { Sealer } from "./ledger/sealer.ts";
import { Submit } from "./ledger/submit.ts";
import { UnsettledAccounts } from "./ledger/unsettled.ts";
import { Upkeep } from "./ledger/upkeep.ts";
import { Fleet } from "./metrics/fleet.ts";
import { HitWindow } from "./metrics/hit-window.ts";
import { addInstanceGauges } from "./metrics/instance-gauges.ts";
import { ServiceMetrics } from "./metrics.ts";
import { Balances } from "./repositories/balances.ts";
import { Chain } from "./repositories/chain.ts";
import { Histories } from "./repositories/history.ts";
import { Ledger } from "./repositories/ledger.ts";
import { Replication } from "./repositories/replication.ts";
import { RateLimiter } from "./resilience/rate-limiter.ts";

/** Floors kept at most: what the busiest expected writers touch in the life of an entry, several times over. */
const FLOORS = 200_000;
/** How often figures go to the shared cache. */
const REPORT_MS = 5000;
/** How often the processes tell each other what busy callers used. */
const RATE_EXCHANGE_MS = 1000;
/** A key that is withdrawn ends within this time. */
const KEY_SET_LOOK_MS = 2000;

export interface RunningServices extends AppServices {
  /** Ends background work and connections; nothing may be asked of the services afterwards. */
  close(): Promise<void>;
}

/**
 * Builds and starts everything behind the routes. Returns at once: connections come up in the background.
 *
 * @param lines log lines by level, counted by the logger.
 */
export function startServices(
  config: ServiceConfig,
  log: Logger,
  lines: Readonly<Record<string, number>>,
): RunningServices {
  const { cache: settings, database: limits } = config;
  const processId = randomUUID();
  const registry = new Registry();
  const metrics = new ServiceMetrics(registry, lines);
  const trust = new Trust(settings.maxStalenessMs, [LISTEN_SESSION, PEER_SESSION]);
  const l1 = new L1Cache(settings.l1Bytes);
  const longestTtl = Math.max(...Object.values(settings.ttlMs));
  const floors = new Floors(longestTtl + settings.staleIfErrorMs + limits.lagBoundMs, FLOORS);
  // One line per kind of trouble and second: an outage must not fill the disk.
  const quietly = limitedLog(log);
  const onCacheError = (error: unknown): void => {
    metrics.cacheErrors++;
    quietly("cache", error);
  };

  const redis = connectCache(config, l1, onCacheError);
  const shared = redis.cache;
  const markerMs = limits.lagBoundMs + 2 * limits.queryTimeoutMs;
  const coherence = new Coherence({ l1, floors, trust, shared, markerMs, onError: onCacheError });
  const gap = (reason: string): void => {
    metrics.gaps++;
    log.warn({ reason }, "invalidations may have been missed; entries are read again");
  };

  const database = connectDatabase(config, {
    trust,
    onChanges: (table, changes) => coherence.invalidate(table, changes),
    onBulk: () => coherence.suspectShared(),
    onGap: (first) => {
      if (!first) gap("the session that hears of changes was away");
      coherence.distrustAll();
    },
    onFailure: (node, error) => {
      metrics.nodeFailures[node]++;
      quietly(node, error);
    },
    onError: (error) => quietly("database", error),
  });

  const hits = new HitWindow(shared);
  const cache = new ReadThrough({
    l1,
    shared,
    trust,
    floors,
    jitter: settings.jitter,
    staleIfErrorMs: settings.staleIfErrorMs,
    leaseMs: settings.leaseMs,
    waitMs: limits.readerPool.waitMs,
    holder: processId,
    count: (origin) => {
      metrics.reads[origin]++;
      metrics.lookups[origin === "l1" || origin === "redis" ? origin : "miss"]++;
      hits.count(origin === "l1" || origin === "redis");
    },
    onCacheError,
  });

  const peers = new PeerLink({
    // A process that takes the place of a crashed one must not be taken for it.
    self: `${config.instance}/${processId}`,
    onError: onCacheError,
    subscriber: redis.subscriber,
    facts: shared,
    trust,
    heartbeatMs: Math.min(settings.maxStalenessMs / 6, 500),
    silenceMs: settings.maxStalenessMs / 2,
    onChanged: (accounts) => coherence.forgetAccounts(accounts),
    onGap: (reason) => {
      gap(reason);
      coherence.distrustAll();
    },
    onCrash: (name) => {
      gap(`${name} fell silent`);
      coherence.suspectShared();
    },
  });

  const { reader, writerPool, readerPool } = database;
  const ledger = new Ledger({
    pool: writerPool,
    breaker: database.writerBreaker,
    retries: config.retries,
    patienceMs: limits.writeTimeoutMs,
  });
  const balances = new Balances(reader, settings.ttlMs);
  const histories = new Histories(reader, settings.ttlMs.history);
  const unsettled: UnsettledAccounts = new UnsettledAccounts({
    keepMs: 2 * limits.writeTimeoutMs,
    everyMs: settings.maxStalenessMs / 4,
    versions: (addresses) => ledger.versions(addresses),
    supersede: (changes) => submit.supersede(changes),
    onError: (error) => quietly("unsettled", error),
  });
  const submit = new Submit({
    ledger,
    cache,
    shared,
    coherence,
    peers,
    balances,
    histories,
    unsettled,
    onCacheError,
  });
  const sealer = new Sealer({
    pool: writerPool,
    validator: config.instance,
    intervalMs: config.sealing.intervalMs,
    onSealed: (height) => {
      metrics.sealed++;
      trust.learnTip(height);
    },
    onError: (error) => quietly("sealing", error),
  });
  const upkeep = new Upkeep({ pool: writerPool, onError: (error) => quietly("upkeep", error) });
  const fleet = new Fleet(shared, config.instance, () =>
    fleetFigures(metrics, writerPool, readerPool, l1.bytes),
  );
  const breakers = () => [...database.breakers, ...redis.breakers()];
  const diagnostics = new Diagnostics({
    instance: config.instance,
    metrics,
    writer: writerPool,
    reader: readerPool,
    replication: new Replication(writerPool, limits.replicas),
    cache: redis.diagnostics,
    hits,
    fleet,
    breakers,
    trusted: () => trust.trusted(Date.now()),
  });
  const limiter = (name: "address" | "principal") =>
    new RateLimiter({ name, perSecond: config.rateLimits[name], facts: shared });
  const limiters = { address: limiter("address"), principal: limiter("principal") };
  const keys = { keySet: config.auth.keySet };
  addInstanceGauges(registry, {
    ...{ writerPool, readerPool, l1, floors, breakers, trust, unsettled, limiters, keys },
  });

  const keySetFile = new FollowedFiles({
    paths: [config.auth.keySetFile],
    everyMs: KEY_SET_LOOK_MS,
    use: ([text = ""]) => {
      const keySet = parseKeySet(text);
      keys.keySet = keySet;
      log.info({ keys: keySet.keys.map(({ kid }) => kid) }, "tokens are checked with other keys from now on");
    },
    onError: (error) => {
      metrics.keySetErrors++;
      log.error(
        { reason: String(error) },
        "the file of the key set is not usable; the former keys stay in force",
      );
    },
  });

  keySetFile.start();
  peers.start();
  database.listener.start();
  sealer.start();
  upkeep.start();
  const exchanges = setInterval(() => {
    for (const limiter of Object.values(limiters)) limiter.exchange().catch(onCacheError);
  }, RATE_EXCHANGE_MS);
  const reports = setInterval(() => {
    Promise.all([hits.flush(), fleet.report()]).catch(onCacheError);
  }, REPORT_MS);

  return {
    cache,
    balances,
    histories,
    chain: new Chain(reader, settings.ttlMs),
    reader,
    submit,
    diagnostics,
    metrics,
    registry,
    lifecycle: { draining: false },
    keys,
    limiters,
    writer: writerPool,
    unready: async () =>
      (await database.reached()) ? undefined : "no database node has answered since the start",
    async close() {
      clearInterval(reports);
      clearInterval(exchanges);
      keySetFile.stop();
      upkeep.stop();
      unsettled.stop();
      await sealer.stop();
      await hits.flush().catch(() => undefined);
      await fleet.leave().catch(() => undefined);
      await peers.stop();
      await database.close();
      redis.close();
    },
  };
}

function limitedLog(log: Logger): (what: string, error: unknown) => void {
  const last = new Map<string, number>();
  return (what, error) => {
    const now = Date.now();
    const reason = error instanceof Error ? error.message : String(error);
    const trouble = `${what}: ${reason}`;
    if (now - (last.get(trouble) ?? 0) < 1000) return;
    // Messages may hold addresses of nodes or sizes: never let the memory of them grow.
    if (last.size > 100) last.clear();
    last.set(trouble, now);
    log.warn({ what, reason }, "a call failed");
  };
}
