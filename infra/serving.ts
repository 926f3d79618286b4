import type { Output } from "@pulumi/pulumi";
import { ApiGateway } from "./components/api-gateway.ts";
import { ApiService } from "./components/api-service.ts";
import type { EtcdCluster } from "./components/etcd-cluster.ts";
import { Companions } from "./components/monitoring/companions.ts";
import { Monitoring } from "./components/monitoring.ts";
import { PostgresBackup } from "./components/postgres-backup.ts";
import type { PostgresCluster } from "./components/postgres-cluster.ts";
import { PostgresPooling } from "./components/postgres-pooling.ts";
import type { PostgresRouting } from "./components/postgres-routing.ts";
import { RedisCluster } from "./components/redis-cluster.ts";
import { CertificateAuthority } from "./secrets/certificates.ts";
import { createPersonalKeys } from "./secrets/personal-keys.ts";
import type { Settings } from "./settings/schema.ts";
import type { PersonalKeys } from "./stack-outputs.ts";
import type { Target } from "./target.ts";

/** What has to be there before the parts that are watched. */
export interface Watching {
  /** Trust domain of exporters and of whoever reads them. */
  readonly authority: CertificateAuthority;
  /** Where the target has them, and there is a monitoring. */
  readonly companions?: Companions;
}

export function createWatching(target: Target, settings: Settings): Watching {
  const authority = new CertificateAuthority("monitoring-ca", { commonName: "dujyo monitoring" });
  const { enabled } = settings.monitoring;
  return {
    authority,
    companions: enabled && target.companions ? new Companions(settings, authority) : undefined,
  };
}

export interface ServingArgs extends Watching {
  readonly target: Target;
  readonly settings: Settings;
  readonly etcd: EtcdCluster;
  readonly postgres: PostgresCluster;
  readonly routing: PostgresRouting;
}

/** What a site has that serves, beside its database: pools, cache, API, backups, and what watches all of it. */
export interface Serving {
  readonly pooling: PostgresPooling;
  readonly redis: RedisCluster;
  readonly api: ApiService;
  readonly monitoring: Monitoring | undefined;
  readonly personalKeys: Output<PersonalKeys>;
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
    ? new PostgresBackup("backup", {
        target,
        settings: settings.backup,
        secrets: settings.backupSecrets,
        postgres,
        after: [api],
      })
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
  return { pooling, redis, api, monitoring, personalKeys: createPersonalKeys(settings.ledger.personalKeys) };
}
