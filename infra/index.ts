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
if (!target.balancesServices)
  new ApiGateway("gateway", {
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

/** What a client needs to get in; `npm run connect` makes ready-to-paste lines of it. */
export const connection = {
  database: DATABASE,
  api: { host: "gateway", port: PORTS.api + portOffset },
  apiSigningKey: api.signingKey.privateJwk,
  pooler: { host: pooling.host, port: PORTS.pgbouncer + portOffset },
  writer: { host: routing.host, port: PORTS.writer + portOffset },
  reader: { host: routing.host, port: PORTS.reader + portOffset },
  postgres: postgres.members.map((host, ordinal) => ({ host, port: PORTS.postgres + ordinal + portOffset })),
  pages: monitoring?.pages.map(({ name, port }) => ({ name, port: port + portOffset })) ?? [],
  grafanaPassword: monitoring?.grafanaPassword,
  postgresCa: postgres.ca,
  postgresPasswords: postgres.passwords,
  redis: redis.connection.nodes.map(({ host, port }) => ({ host, port, published: port + portOffset })),
  redisCa: redis.connection.ca,
  redisPasswords: redis.connection.passwords,
};
