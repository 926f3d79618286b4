import type { CertificateAuthority } from "../../secrets/certificates.ts";
import type { Settings } from "../../settings/schema.ts";
import type { Target } from "../../target.ts";
import type { ApiService } from "../api-service.ts";
import type { EtcdCluster } from "../etcd-cluster.ts";
import type { PostgresBackup } from "../postgres-backup.ts";
import type { PostgresCluster } from "../postgres-cluster.ts";
import type { PostgresPooling } from "../postgres-pooling.ts";
import type { PostgresRouting } from "../postgres-routing.ts";
import type { RedisCluster } from "../redis-cluster.ts";
import type { Companions } from "./companions.ts";

/** What is watched, and with which settings. */
export interface MonitoringArgs {
  readonly target: Target;
  readonly settings: Pick<
    Settings,
    "api" | "monitoring" | "portOffset" | "receiverSecrets" | "postgres" | "pgbouncer" | "ledger"
  >;
  /** Trust domain of exporters and of whoever reads them. */
  readonly authority: CertificateAuthority;
  readonly etcd: EtcdCluster;
  readonly postgres: PostgresCluster;
  readonly routing: PostgresRouting;
  readonly pooling: PostgresPooling;
  readonly redis: RedisCluster;
  readonly api: ApiService;
  /** Where the target has them. */
  readonly companions?: Companions;
  /** Absent where no backups are taken. */
  readonly backup?: PostgresBackup;
}
