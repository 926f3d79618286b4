import * as pulumi from "@pulumi/pulumi";
import { ApiGateway } from "./components/api-gateway.ts";
import { ApiService } from "./components/api-service.ts";
import { EtcdCluster } from "./components/etcd-cluster.ts";
import { Monitoring } from "./components/monitoring.ts";
import { DATABASE, PostgresCluster } from "./components/postgres-cluster.ts";
import { PostgresPooling } from "./components/postgres-pooling.ts";
import { PostgresRouting } from "./components/postgres-routing.ts";
import { RedisCluster } from "./components/redis-cluster.ts";
import { PORTS } from "./ports.ts";
import { CertificateAuthority } from "./secrets/certificates.ts";
import { loadSettings } from "./settings.ts";
import { createTarget } from "./targets/index.ts";

const settings = loadSettings();
const target = await createTarget(settings);
const { portOffset } = settings;

const etcd = new EtcdCluster("etcd", { target, settings: settings.etcd, token: pulumi.getStack() });
const postgres = new PostgresCluster("postgres", {
  target,
  settings: settings.postgres,
  consensus: etcd,
  portOffset,
  endpointHosts: ["haproxy"],
});
const routing = new PostgresRouting("haproxy", { target, settings, cluster: postgres, portOffset });
const pooling = new PostgresPooling("pgbouncer", {
  target,
  settings,
  cluster: postgres,
  routing,
  portOffset,
});
const redis = new RedisCluster("redis", { target, settings: settings.redis, portOffset });
const api = new ApiService("api", { target, settings, postgres, routing, pooling, redis });
const authority = new CertificateAuthority("monitoring-ca", { commonName: "dujyo monitoring" });
const gateway = target.balancesServices
  ? undefined
  : new ApiGateway("gateway", {
      target,
      settings: settings.haproxy,
      service: api,
      portOffset,
      metricsAuthority: authority,
    });
const monitoring = settings.monitoring.enabled
  ? new Monitoring("monitoring", {
      target,
      settings,
      authority,
      etcd,
      postgres,
      routing,
      pooling,
      redis,
      api,
    })
  : undefined;

/** As clients see a port: the offset is for those that are published on this machine. */
const seen = (port: number) => port + (target.loopbackPages ? portOffset : 0);

/** What a client needs to get in; `npm run connect` makes ready-to-paste lines of it. */
export const connection = {
  database: DATABASE,
  api: { host: gateway?.host ?? api.host, port: seen(PORTS.api) },
  apiSigningKey: api.signingKey.privateJwk,
  apiAccessLogKey: api.accessLogKey,
  pooler: { host: pooling.host, port: seen(PORTS.pgbouncer) },
  writer: { host: routing.host, port: seen(PORTS.writer) },
  reader: { host: routing.host, port: seen(PORTS.reader) },
  postgres: postgres.members.map((host, ordinal) => ({
    host,
    // Members share this machine's loopback interface, and have hosts of their own elsewhere.
    port: target.loopbackPages ? PORTS.postgres + ordinal + portOffset : PORTS.postgres,
  })),
  pages: monitoring?.pages.map(({ name, port }) => ({ name, port: seen(port) })) ?? [],
  grafanaPassword: monitoring?.grafanaPassword,
  postgresCa: postgres.ca,
  postgresPasswords: postgres.passwords,
  redis: redis.connection.nodes.map(({ host, port }) => ({ host, port, published: seen(port) })),
  redisCa: redis.connection.ca,
  redisPasswords: redis.connection.passwords,
};
