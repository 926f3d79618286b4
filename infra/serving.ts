import { ApiGateway } from "./components/api-gateway.ts";
import { ApiService } from "./components/api-service.ts";
import type { EtcdCluster } from "./components/etcd-cluster.ts";
import type { Companions } from "./components/monitoring/companions.ts";
import { Monitoring } from "./components/monitoring.ts";
import { PostgresBackup } from "./components/postgres-backup.ts";
import type { PostgresCluster } from "./components/postgres-cluster.ts";
import { PostgresPooling } from "./components/postgres-pooling.ts";
import type { PostgresRouting } from "./components/postgres-routing.ts";
import { RedisCluster } from "./components/redis-cluster.ts";
import type { CertificateAuthority } from "./secrets/certificates.ts";
import type { Settings } from "./settings/schema.ts";
import type { Target } from "./target.ts";

export interface ServingArgs {
  readonly target: Target;
  readonly settings: Settings;
  readonly etcd: EtcdCluster;
  readonly postgres: PostgresCluster;
  readonly routing: PostgresRouting;
  /** Trust domain of exporters and of whoever reads them. */
  readonly authority: CertificateAuthority;
  readonly companions?: Companions | undefined;
}

/** What a site has that serves, beside its database: pools, cache, API, backups, and what watches all of it. */
export interface Serving {
  readonly pooling: PostgresPooling;
  readonly redis: RedisCluster;
  readonly api: ApiService;
  readonly monitoring: Monitoring | undefined;
}

export function createServing(args: ServingArgs): Serving {
  const { target, settings, etcd, postgres, routing, authority, companions } = args;
  const { portOffset } = settings;
  const pooling = new PostgresPooling("pgbouncer", {
    target,
    settings,
    cluster: postgres,
    routing,
    portOffset,
    companion: companions?.pooler(postgres),
  });
  const redis = new RedisCluster("redis", {
    target,
    settings: settings.redis,
    portOffset,
    companion: companions?.member,
  });
  const api = new ApiService("api", { target, settings, postgres, routing, pooling, redis });
  const backup = settings.backup.enabled
    ? new PostgresBackup("backup", { target, settings: settings.backup, postgres, after: [api] })
    : undefined;
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
        companions,
        backup,
      })
    : undefined;
  return { pooling, redis, api, monitoring };
}
