import { hostname } from "node:os";

import type { JSONWebKeySet } from "jose";

import { type Endpoint, Environment } from "./config/environment.ts";
import { parseKeySet } from "./config/key-set.ts";

/** Who answers SQL, and as whom. All connections are TLS with the server's name verified. */
export interface DatabaseLogin extends Endpoint {
  readonly database: string;
  readonly user: string;
  /** For a session that begins now; while the role's password is being changed, also the one that it has instead. */
  readonly passwords: () => readonly string[];
  readonly ca: string;
}

export interface PoolLimits {
  /** Connections at most. */
  readonly size: number;
  /** Requests that may wait for a connection; more are refused at once. */
  readonly queue: number;
  /** Milliseconds for which a request may have to wait for one; where it would be longer, it is refused at once. */
  readonly waitMs: number;
}

export interface ServiceConfig {
  readonly host: string;
  readonly port: number;
  /** Key and certificate, PEM, to serve HTTPS with, and their files; absent: plain HTTP, for a port on loopback. */
  readonly tls?: {
    readonly certificate: string;
    readonly key: string;
    readonly files: { readonly certificate: string; readonly key: string };
  };
  /** Name of this process in logs, metrics and admin answers. */
  readonly instance: string;
  /** Processes that share the port. */
  readonly workers: number;
  readonly logLevel: string;
  readonly limits: {
    readonly inFlight: number;
    readonly bodyBytes: number;
    /** Milliseconds of serving on after readiness was withdrawn, so that balancers notice first. */
    readonly drainDelayMs: number;
    readonly drainTimeoutMs: number;
  };
  readonly database: {
    readonly writer: DatabaseLogin;
    readonly reader: DatabaseLogin;
    /** A direct session, past the pooler, for LISTEN. */
    readonly listener: DatabaseLogin;
    readonly writerPool: PoolLimits;
    readonly readerPool: PoolLimits;
    readonly connectTimeoutMs: number;
    readonly queryTimeoutMs: number;
    readonly writeTimeoutMs: number;
    /** Milliseconds for which a replica that lags further than allowed may still be read from. */
    readonly lagBoundMs: number;
    /** Replicas that there should be. */
    readonly replicas: number;
  };
  readonly redis: {
    readonly nodes: readonly Endpoint[];
    readonly user: string;
    /** For a connection that begins now. */
    readonly password: () => string;
    readonly ca: string;
    /** Where announced addresses are to be found from here: `announced -> reachable`. */
    readonly addressMap: Readonly<Record<string, Endpoint>>;
    readonly connectionsPerNode: number;
    readonly connectTimeoutMs: number;
    readonly commandTimeoutMs: number;
  };
  readonly cache: CacheSettings;
  /** Further tries of a read or a write after the first, where a repeat is harmless. */
  readonly retries: number;
  readonly breaker: { readonly failures: number; readonly openMs: number };
  readonly auth: {
    /** Public keys that tokens are checked with at the start. */
    readonly keySet: JSONWebKeySet;
    /** Where they were read from. */
    readonly keySetFile: string;
    readonly issuer: string;
    readonly audience: string;
    readonly admin: boolean;
  };
  readonly rateLimits: {
    /** Requests a second of one network address, over all processes; 0: no limit. */
    readonly address: number;
    /** Requests a second with tokens for one address, over all processes; 0: no limit. */
    readonly principal: number;
  };
  /** Proxies in front of this process that add to X-Forwarded-For whom they were asked by. */
  readonly trustedProxies: number;
  readonly accessLog: { readonly requests: "protected" | "all"; readonly key: string };
  readonly sealing: { readonly intervalMs: number };
}

export interface CacheSettings {
  readonly ttlMs: {
    readonly balance: number;
    readonly tokenBalance: number;
    readonly history: number;
    readonly stats: number;
    readonly dexPool: number;
  };
  /** Share of a TTL that is drawn by lot, so that entries made together do not end together. */
  readonly jitter: number;
  readonly maxStalenessMs: number;
  readonly staleIfErrorMs: number;
  readonly l1Bytes: number;
  readonly leaseMs: number;
}

/**
 * Turns the environment into the service's configuration. The only reader of the environment.
 * @throws Error naming everything that is missing or wrong, all at once.
 */
export function readConfig(values: NodeJS.ProcessEnv = process.env): ServiceConfig {
  const env = new Environment(values);
  const ca = env.file("DB_CA_FILE");
  const name = env.text("DB_NAME", "dujyo_blockchain");
  const pooler = { host: env.text("DB_HOST"), port: env.integer("DB_PORT", 6432, [1, 65_535]), ca };
  const passwords = (variable: string) => {
    const text = env.secret(variable);
    return () => text().split("\n");
  };
  const writer = { user: env.text("DB_USER", "dujyo_app"), passwords: passwords("DB_PASSWORD_FILE") };
  const reader = {
    user: env.text("DB_RO_USER", "dujyo_readonly"),
    passwords: passwords("DB_RO_PASSWORD_FILE"),
  };
  const ms = (
    variable: string,
    fallback: number,
    limits: readonly [number, number] = [1, 3_600_000],
  ): number => env.integer(variable, fallback, limits);
  const waitMs = ms("DB_MAX_WAIT_MS", 50);

  const config: ServiceConfig = {
    host: env.text("HOST", "0.0.0.0"),
    port: env.integer("PORT", 8083, [0, 65_535]),
    tls: tlsFiles(env),
    instance: env.text("INSTANCE", hostname()),
    workers: env.integer("WORKERS", 1, [1, 64]),
    logLevel: env.choice("LOG_LEVEL", ["fatal", "error", "warn", "info", "debug", "trace", "silent"], "info"),
    limits: {
      inFlight: env.integer("MAX_IN_FLIGHT", 2000, [1, 100_000]),
      bodyBytes: env.integer("MAX_BODY_BYTES", 16_384, [256, 1_048_576]),
      drainDelayMs: ms("DRAIN_DELAY_MS", 4000, [0, 60_000]),
      drainTimeoutMs: ms("DRAIN_TIMEOUT_MS", 10_000),
    },
    database: {
      writer: { ...pooler, ...writer, database: name },
      reader: { ...pooler, ...reader, database: env.text("DB_RO_NAME", "dujyo_blockchain_ro") },
      listener: {
        host: env.text("LISTEN_HOST"),
        port: env.integer("LISTEN_PORT", 5000, [1, 65_535]),
        ca,
        ...writer,
        database: name,
      },
      writerPool: {
        size: env.integer("DB_POOL_SIZE", 10, [1, 200]),
        queue: env.integer("DB_POOL_QUEUE", 200, [0, 10_000]),
        waitMs,
      },
      readerPool: {
        size: env.integer("DB_RO_POOL_SIZE", 10, [1, 200]),
        queue: env.integer("DB_RO_POOL_QUEUE", 500, [0, 10_000]),
        waitMs,
      },
      connectTimeoutMs: ms("DB_CONNECT_TIMEOUT_MS", 2000),
      queryTimeoutMs: ms("DB_QUERY_TIMEOUT_MS", 2000),
      writeTimeoutMs: ms("DB_WRITE_TIMEOUT_MS", 8000),
      lagBoundMs: ms("DB_LAG_BOUND_MS", 11_000),
      replicas: env.integer("DB_REPLICAS", 2, [0, 15]),
    },
    redis: {
      nodes: env.endpoints("REDIS_NODES"),
      user: env.text("REDIS_USER", "app"),
      password: env.secret("REDIS_PASSWORD_FILE"),
      ca: env.file("REDIS_CA_FILE"),
      addressMap: addressMap(env),
      connectionsPerNode: env.integer("REDIS_CONNECTIONS_PER_NODE", 1, [1, 16]),
      connectTimeoutMs: ms("REDIS_CONNECT_TIMEOUT_MS", 1000),
      commandTimeoutMs: ms("REDIS_COMMAND_TIMEOUT_MS", 200),
    },
    cache: {
      ttlMs: {
        balance: ms("CACHE_TTL_BALANCE_MS", 600_000),
        tokenBalance: ms("CACHE_TTL_TOKEN_BALANCE_MS", 600_000),
        history: ms("CACHE_TTL_HISTORY_MS", 600_000),
        stats: ms("CACHE_TTL_STATS_MS", 30_000),
        dexPool: ms("CACHE_TTL_DEX_POOL_MS", 10_000),
      },
      jitter: env.integer("CACHE_JITTER_PERCENT", 10, [0, 50]) / 100,
      maxStalenessMs: ms("CACHE_MAX_STALENESS_MS", 2000, [1000, 60_000]),
      staleIfErrorMs: ms("CACHE_STALE_IF_ERROR_MS", 300_000, [0, 86_400_000]),
      l1Bytes: env.integer("CACHE_L1_BYTES", 14_680_064, [0, 4_294_967_296]),
      leaseMs: ms("CACHE_LEASE_MS", 3000),
    },
    retries: env.integer("RETRIES", 2, [0, 10]),
    breaker: {
      failures: env.integer("BREAKER_FAILURES", 5, [1, 1000]),
      openMs: ms("BREAKER_OPEN_MS", 30_000),
    },
    auth: {
      keySet: publicKeys(env, "AUTH_KEY_SET_FILE"),
      keySetFile: env.optional("AUTH_KEY_SET_FILE") ?? "",
      issuer: env.text("AUTH_ISSUER", "dujyo"),
      audience: env.text("AUTH_AUDIENCE", "dujyo-api"),
      admin: env.choice("ADMIN_AUTH", ["on", "off"], "on") === "on",
    },
    rateLimits: {
      address: env.integer("RATE_LIMIT_ADDRESS", 20_000, [0, 1_000_000]),
      principal: env.integer("RATE_LIMIT_PRINCIPAL", 2000, [0, 1_000_000]),
    },
    trustedProxies: env.integer("TRUSTED_PROXIES", 0, [0, 10]),
    accessLog: {
      requests: env.choice("ACCESS_LOG", ["protected", "all"], "protected"),
      key: env.key("ACCESS_LOG_KEY_FILE"),
    },
    sealing: { intervalMs: ms("SEAL_INTERVAL_MS", 10_000, [0, 3_600_000]) },
  };
  env.check();
  return config;
}

/** Both files or none: half of the pair is a mistake, not a wish for plain HTTP. */
function tlsFiles(env: Environment): ServiceConfig["tls"] {
  const named = ["TLS_CERT_FILE", "TLS_KEY_FILE"].filter((name) => env.optional(name) !== undefined);
  if (named.length === 0) return undefined;
  return {
    certificate: env.file("TLS_CERT_FILE"),
    key: env.file("TLS_KEY_FILE"),
    files: { certificate: env.text("TLS_CERT_FILE"), key: env.text("TLS_KEY_FILE") },
  };
}

function publicKeys(env: Environment, name: string): JSONWebKeySet {
  const text = env.file(name);
  if (text === "") return { keys: [] };
  try {
    return parseKeySet(text);
  } catch (error) {
    env.reject(`${name} names a file ${(error as Error).message}`);
    return { keys: [] };
  }
}

function addressMap(env: Environment): Record<string, Endpoint> {
  const entries = (env.optional("REDIS_ADDRESS_MAP") ?? "").split(",").filter(Boolean);
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const match = /^(\S+:\d+)=([A-Za-z0-9.-]+):(\d+)$/.exec(entry.trim());
      if (!match?.[1] || !match[2]) {
        env.reject(`REDIS_ADDRESS_MAP holds "${entry}"; each entry has to be announced:port=host:port`);
        return [];
      }
      return [[match[1], { host: match[2], port: Number(match[3]) }]];
    }),
  );
}

export interface TokenConfig {
  /** Private JSON Web Key. */
  readonly key: string;
  readonly issuer: string;
  readonly audience: string;
}

/**
 * What making tokens needs.
 * @throws Error naming what is missing.
 */
export function readTokenConfig(values: NodeJS.ProcessEnv = process.env): TokenConfig {
  const env = new Environment(values);
  const config = {
    key: env.file("AUTH_SIGNING_KEY_FILE"),
    issuer: env.text("AUTH_ISSUER", "dujyo"),
    audience: env.text("AUTH_AUDIENCE", "dujyo-api"),
  };
  env.check();
  return config;
}
