import * as pulumi from "@pulumi/pulumi";
import { EtcdCluster } from "./components/etcd-cluster.ts";
import { PostgresCluster } from "./components/postgres-cluster.ts";
import { PostgresRouting } from "./components/postgres-routing.ts";
import { stackOutputs } from "./outputs.ts";
import { createServing, createWatching } from "./serving.ts";
import { givenIdentity } from "./settings/identity.ts";
import { loadSettings } from "./settings.ts";
import { createTarget } from "./targets/index.ts";

const settings = loadSettings();
const target = await createTarget(settings);
const { portOffset } = settings;
const { knownAs } = settings.postgres.otherSite;

// A site that follows another one serves nobody, and nothing watches it.
const watching = settings.postgres.standby ? undefined : createWatching(target, settings);
const etcd = new EtcdCluster("etcd", { target, settings: settings.etcd, token: pulumi.getStack() });
const postgres = new PostgresCluster("postgres", {
  target,
  settings: settings.postgres,
  backup: settings.backup,
  allowedCidrs: settings.access.allowedCidrs,
  consensus: etcd,
  portOffset,
  pooler: { host: "pgbouncer", instances: target.instancesName("pgbouncer") ?? "pgbouncer" },
  endpointHosts: ["haproxy", ...(knownAs === "" ? [] : [knownAs])],
  identity: givenIdentity(settings),
  companion: watching?.companions?.member,
});
const routing = new PostgresRouting("haproxy", { target, settings, cluster: postgres, portOffset });
const data = { target, settings, etcd, postgres, routing };
// Everything else writes, or serves those who do.
const serving = watching && createServing({ ...data, ...watching });

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
  postgresIdentity,
  redisPasswords,
  apiSigningKey,
  apiAccessLogKey,
  personalKeys,
  grafanaPassword,
} = stackOutputs({ ...data, ...serving });
