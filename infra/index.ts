import * as pulumi from "@pulumi/pulumi";
import { ApiGateway } from "./components/api-gateway.ts";
import { ApiService } from "./components/api-service.ts";
import { EtcdCluster } from "./components/etcd-cluster.ts";
import { Monitoring } from "./components/monitoring.ts";
import { PostgresBackup } from "./components/postgres-backup.ts";
import { PostgresCluster } from "./components/postgres-cluster.ts";
import { PostgresPooling } from "./components/postgres-pooling.ts";
import { PostgresRouting } from "./components/postgres-routing.ts";
import { RedisCluster } from "./components/redis-cluster.ts";
import { stackOutputs } from "./outputs.ts";
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
  backup: settings.backup,
  allowedCidrs: settings.access.allowedCidrs,
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
const backup = settings.backup.enabled
  ? new PostgresBackup("backup", { target, settings: settings.backup, postgres, after: [api] })
  : undefined;
const authority = new CertificateAuthority("monitoring-ca", { commonName: "dujyo monitoring" });
if (!target.balancesServices)
  new ApiGateway("gateway", {
    target,
    settings,
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
      backup,
    })
  : undefined;

export const {
  apiUrl,
  database,
  writer,
  reader,
  pooler,
  postgresNodes,
  redisNodes,
  pages,
  caCert,
  postgresPasswords,
  redisPasswords,
  apiSigningKey,
  apiAccessLogKey,
  grafanaPassword,
} = stackOutputs({ target, settings, postgres, routing, pooling, redis, api, monitoring });
