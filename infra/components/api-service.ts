import * as pulumi from "@pulumi/pulumi";
import { bytes, milliseconds } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { Certificate, CertificateAuthority } from "../secrets/certificates.ts";
import { Password } from "../secrets/password.ts";
import { keySetOf, SigningKey } from "../secrets/signing-key.ts";
import { mostInstances } from "../settings/budgets.ts";
import { RECOVERY_PROFILES, worstLagUnseen } from "../settings/recovery.ts";
import type { Settings } from "../settings/schema.ts";
import { FILES_PATH, type FileSpec, type Target } from "../target.ts";
import { DATABASE, type PostgresCluster } from "./postgres-cluster.ts";
import type { PostgresPooling } from "./postgres-pooling.ts";
import type { PostgresRouting } from "./postgres-routing.ts";
import type { RedisCluster } from "./redis-cluster.ts";

export interface ApiServiceArgs {
  readonly target: Target;
  readonly settings: Pick<Settings, "api" | "cache" | "ledger"> & {
    readonly postgres: Pick<Settings["postgres"], "recovery" | "replicas">;
  };
  readonly postgres: PostgresCluster;
  readonly routing: PostgresRouting;
  readonly pooling: PostgresPooling;
  readonly redis: RedisCluster;
}

const MB = 2 ** 20;
/** Seconds for all migrations together; index builds on a filled database are among them. */
const MIGRATE_SECONDS = 3_600;

/**
 * The ledger's API: a job that brings the schema up to date, then instances that serve it. A new version starts only
 * when its migrations are done.
 */
export class ApiService extends pulumi.ComponentResource {
  /** Name of all instances together, where the target balances between them. */
  readonly host: string;
  /** Host names of the instances. */
  readonly members: readonly string[];
  /** Root certificate that the instances' certificate is verified against, PEM; it names each of {@link members}. */
  readonly ca: pulumi.Output<string>;
  /** Makes bearer tokens. */
  readonly signingKey: SigningKey;
  /** Verifies them: a JSON Web Key Set of the signing key and, during a rotation, of the former one. */
  readonly keySet: pulumi.Output<string>;
  /** Makes the pseudonyms of the access log. */
  readonly accessLogKey: pulumi.Output<string>;

  constructor(name: string, args: ApiServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:ApiService", name, {}, opts);
    const { target, settings, postgres, routing, pooling, redis } = args;
    const keys = settings.api.tokenKeys.map((number) => this.#tokenKey(name, number));
    this.signingKey = keys.at(-1) as SigningKey;
    this.keySet = keySetOf(keys);
    this.accessLogKey = new Password(`${name}-access-log-key`, { parent: this }).value;
    const authority = new CertificateAuthority(
      `${name}-ca`,
      { commonName: `dujyo ${name}` },
      { parent: this },
    );
    this.ca = authority.certificate;
    const postgresCa = { path: "tls/postgres-ca.crt", content: postgres.ca };
    const migrated = target.job(
      "migrate",
      {
        image: "api",
        command: ["/usr/bin/tini", "--", "/usr/local/bin/migrate"],
        files: [
          postgresCa,
          { path: "secrets/dujyo-user-password", content: postgres.passwords.owner, delivery: "follow" },
        ],
        environment: {
          PGHOST: routing.host,
          // Past the pooler: a lock held over a session, and statements that transaction pooling can not carry.
          PGPORT: String(PORTS.writer),
          PGDATABASE: DATABASE,
          PGUSER: "dujyo_user",
          PGPASSWORD_FILE: `${FILES_PATH}/secrets/dujyo-user-password`,
          PGSSLROOTCERT: `${FILES_PATH}/tls/postgres-ca.crt`,
          POSTINGS_PARTITIONS: String(settings.ledger.postingsPartitions),
        },
        limits: { memory: 256 * MB, cpus: settings.api.cpus },
        timeout: MIGRATE_SECONDS,
      },
      { parent: this, after: [routing] },
    );
    const workload = target.service(
      name,
      {
        image: "api",
        instances: settings.api.instances,
        mostInstances: mostInstances(settings.api),
        entry: true,
        watched: true,
        limits: { memory: bytes(settings.api.memory), cpus: settings.api.cpus },
        ports: [{ name: "http", port: PORTS.api }],
        environment: serviceEnvironment(args),
        files: [postgresCa, ...this.#certificate(name, args, authority), ...this.#secrets(args)],
        // Serves on while balancers notice, then finishes what is under way.
        stopGrace: 25,
        startTimeout: 90,
      },
      { parent: this, after: [migrated, pooling, redis.ready] },
    );
    this.host = workload.host;
    this.members = workload.members;
    this.registerOutputs({});
  }

  /** The first key has no number in its name: stacks had it before keys could be rotated. */
  #tokenKey(name: string, number: number): SigningKey {
    return new SigningKey(number === 1 ? `${name}-signing-key` : `${name}-signing-key-${number}`, {
      parent: this,
    });
  }

  /** One for all instances: they are interchangeable, and none is to be told from the others. */
  #certificate(
    name: string,
    { target, settings }: ApiServiceArgs,
    authority: CertificateAuthority,
  ): FileSpec[] {
    const hosts = Array.from({ length: settings.api.instances }, (_, ordinal) =>
      target.memberHosts(name, ordinal),
    );
    const leaf = new Certificate(
      `${name}-tls`,
      { authority, commonName: name, names: [...hosts.flat(), name] },
      { parent: this },
    );
    return [
      // For the image's own checks, which ask as any client does.
      { path: "tls/ca.crt", content: this.ca },
      { path: "tls/server.crt", content: leaf.certificate, delivery: "follow" },
      { path: "tls/server.key", content: leaf.privateKey, delivery: "follow" },
    ];
  }

  #secrets({ postgres, redis }: ApiServiceArgs): FileSpec[] {
    return [
      { path: "tls/redis-ca.crt", content: redis.connection.ca },
      { path: "secrets/dujyo-app-password", content: postgres.knownPasswords.app, delivery: "follow" },
      {
        path: "secrets/dujyo-readonly-password",
        content: postgres.knownPasswords.readonly,
        delivery: "follow",
      },
      { path: "secrets/redis-app-password", content: redis.connection.passwords.app, delivery: "follow" },
      { path: "secrets/access-log-key", content: this.accessLogKey },
      { path: "key-set.json", content: this.keySet, delivery: "follow" },
    ];
  }
}

/** The service's settings as it reads them; secrets are file names. */
export function serviceEnvironment({
  settings,
  pooling,
  routing,
  redis,
}: Pick<ApiServiceArgs, "settings" | "pooling" | "routing" | "redis">): Record<string, string> {
  const { api, cache, ledger } = settings;
  const lagBound = worstLagUnseen(RECOVERY_PROFILES[settings.postgres.recovery]);
  const values: Record<string, string | number> = {
    WORKERS: api.workers,
    TLS_CERT_FILE: `${FILES_PATH}/tls/server.crt`,
    TLS_KEY_FILE: `${FILES_PATH}/tls/server.key`,
    DB_HOST: pooling.host,
    DB_CA_FILE: `${FILES_PATH}/tls/postgres-ca.crt`,
    DB_PASSWORD_FILE: `${FILES_PATH}/secrets/dujyo-app-password`,
    DB_RO_PASSWORD_FILE: `${FILES_PATH}/secrets/dujyo-readonly-password`,
    DB_POOL_SIZE: api.writerPool,
    DB_RO_POOL_SIZE: api.readerPool,
    DB_CONNECT_TIMEOUT_MS: milliseconds(api.connectTimeout),
    DB_QUERY_TIMEOUT_MS: milliseconds(api.queryTimeout),
    DB_WRITE_TIMEOUT_MS: milliseconds(api.writeTimeout),
    DB_LAG_BOUND_MS: lagBound * 1_000,
    DB_REPLICAS: settings.postgres.replicas,
    LISTEN_HOST: routing.host,
    LISTEN_PORT: PORTS.writer,
    REDIS_NODES: redis.connection.nodes.map(({ host, port }) => `${host}:${port}`).join(","),
    REDIS_PASSWORD_FILE: `${FILES_PATH}/secrets/redis-app-password`,
    REDIS_CA_FILE: `${FILES_PATH}/tls/redis-ca.crt`,
    REDIS_CONNECTIONS_PER_NODE: api.redisConnections,
    REDIS_CONNECT_TIMEOUT_MS: milliseconds(api.redisConnectTimeout),
    REDIS_COMMAND_TIMEOUT_MS: milliseconds(api.commandTimeout),
    CACHE_TTL_BALANCE_MS: milliseconds(cache.balanceTtl),
    CACHE_TTL_TOKEN_BALANCE_MS: milliseconds(cache.tokenBalanceTtl),
    CACHE_TTL_HISTORY_MS: milliseconds(cache.historyTtl),
    CACHE_TTL_STATS_MS: milliseconds(cache.statsTtl),
    CACHE_TTL_DEX_POOL_MS: milliseconds(cache.dexPoolTtl),
    CACHE_JITTER_PERCENT: cache.jitter,
    CACHE_MAX_STALENESS_MS: milliseconds(cache.maxStaleness),
    CACHE_STALE_IF_ERROR_MS: milliseconds(cache.staleIfError),
    RETRIES: api.retries,
    BREAKER_FAILURES: api.breakerFailures,
    BREAKER_OPEN_MS: milliseconds(api.breakerOpen),
    AUTH_KEY_SET_FILE: `${FILES_PATH}/key-set.json`,
    RATE_LIMIT_ADDRESS: api.addressRate,
    RATE_LIMIT_PRINCIPAL: api.principalRate,
    TRUSTED_PROXIES: api.trustedProxies,
    ACCESS_LOG: api.accessLog,
    ACCESS_LOG_KEY_FILE: `${FILES_PATH}/secrets/access-log-key`,
    ADMIN_AUTH: api.adminAuth ? "on" : "off",
    SEAL_INTERVAL_MS: milliseconds(ledger.sealInterval),
  };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}
