import type { FastifyInstance } from "fastify";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { pino } from "pino";
import { Registry } from "prom-client";

import { type AppConfig, type AppServices, buildApp } from "../../../service/src/app.ts";
import type { CacheEntry } from "../../../service/src/cache/entry.ts";
import { ServiceMetrics } from "../../../service/src/metrics.ts";

export const A = "DU1111111111111111111111111111111111111111";
export const B = "DU2222222222222222222222222222222222222222";
export const TRANSFER = { from: A, to: B, amount: 5, nonce: 1 };
/** Requests that a test's service takes at once. */
export const IN_FLIGHT = 4;
export const LOG_KEY = "key-of-the-access-log";

const POOL = { size: 1, idle: 1, active_connections: 0, waiting: 0, limit: 10 };
export const DATABASE = {
  master: { name: "master", ...POOL, is_healthy: true },
  reader_pool: POOL,
  replicas: [{ name: "replica_1", is_healthy: false, state: null, lag_bytes: null }],
  total_healthy_replicas: 0,
  total_replicas: 1,
};

const body = JSON.stringify({ address: A, balance: 7, timestamp: 1 });

export const entry: CacheEntry = {
  kind: "value",
  version: 1,
  second: 0,
  readAt: Date.now() - 5000,
  expiresAt: Date.now() + 60_000,
  costMs: 1,
  wrongAtTip: 0,
  body,
  bytes: body.length,
  etag: 'W/"1-0-x"',
};

type Claims = Record<string, unknown>;

export interface TestApp {
  readonly app: FastifyInstance;
  /** Lines that were logged, parsed. */
  readonly lines: Record<string, unknown>[];
  readonly lifecycle: { draining: boolean };
  /** What the ledger does with the next bookings. */
  outcome: () => Promise<unknown>;
  /** Headers with a valid token for an address, but for what the claims say otherwise. */
  bearer(address: string, claims?: Claims): Promise<{ authorization: string }>;
}

/** The HTTP side of the service with stand-ins for everything behind its routes. Whoever makes it closes it. */
export async function testApp(
  config: Partial<AppConfig> = {},
  {
    admin = true,
    ...stand
  }: { admin?: boolean } & Partial<Pick<AppServices, "limiters" | "cache" | "writer">> = {},
): Promise<TestApp> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA");
  const keySet = { keys: [{ ...(await exportJWK(publicKey)), alg: "EdDSA", kid: "k" }] };
  const registry = new Registry();
  const lines: Record<string, unknown>[] = [];
  const view = {
    key: "k",
    load: async () => ({ from: "replica", body: entry.body }),
    loadAfter: async () => ({ from: "primary", body: entry.body }),
  };
  const made: TestApp = {
    lines,
    lifecycle: { draining: false },
    outcome: async () => ({
      tx_hash: "a".repeat(64),
      from_nonce: 1,
      from_balance: 2,
      replayed: false,
      readAfter: "0/1",
    }),
    bearer: async (address, { scope, ttl = 60, audience = "api", issuer = "dujyo" } = {}) => {
      const token = new SignJWT(scope ? { scope } : {})
        .setProtectedHeader({ alg: "EdDSA", kid: "k" })
        .setSubject(address)
        .setIssuer(String(issuer))
        .setAudience(String(audience));
      if (ttl !== null) token.setExpirationTime(Math.floor(Date.now() / 1000) + Number(ttl));
      return { authorization: `Bearer ${await token.sign(privateKey)}` };
    },
  } as Omit<TestApp, "app"> as TestApp;
  const unlimited = { take: () => 0 };
  const cached = async () => ({ entry, origin: "l1" });
  const services = {
    cache: {
      held: (): CacheEntry | undefined => undefined,
      serveHeld: () => undefined,
      busy: () => false,
      peek: () => ({ entry, origin: "l1" }),
      get: cached,
      absorb: () => ({ entry, origin: "primary" }),
    },
    balances: { balance: () => view, detail: () => view },
    histories: { head: () => view, page: () => view },
    chain: { blocks: () => view, stats: () => view, holders: () => view, pool: () => view },
    reader: { read: async () => ({ from: "replica", value: [] }) },
    submit: { run: () => made.outcome() },
    diagnostics: {
      instance: "test",
      database: async () => DATABASE,
      fleet: async () => ({ instances: ["test"], totals: {}, scope: "instance" }),
    },
    unready: async () => undefined,
    metrics: new ServiceMetrics(registry),
    registry,
    lifecycle: made.lifecycle,
    keys: { keySet },
    limiters: { address: unlimited, principal: unlimited },
    writer: { fullFor: () => false },
    ...stand,
  } as unknown as AppServices;
  const settings: AppConfig = {
    limits: { inFlight: IN_FLIGHT, bodyBytes: 2048, drainDelayMs: 0, drainTimeoutMs: 1000 },
    auth: { keySet, keySetFile: "", issuer: "dujyo", audience: "api", admin },
    instance: "test",
    trustedProxies: 0,
    accessLog: { requests: "protected", key: LOG_KEY },
    ...config,
  };
  const log = pino({ level: "silent" }, { write: (line) => lines.push(JSON.parse(line)) });
  return Object.assign(made, { app: await buildApp(settings, services, log) });
}
