import { PORTS } from "../../ports.ts";
import type { CertificateAuthority } from "../../secrets/certificates.ts";
import type { Settings } from "../../settings/schema.ts";
import type { CompanionSpec, FileSpec } from "../../target.ts";
import type { PostgresCluster } from "../postgres-cluster.ts";
import { exporterProgram } from "./exporter-program.ts";
import { listenerFiles } from "./listener.ts";

/** What the certificate of every companion names: one serves all, so that a member more or less renews none. */
export const COMPANION_NAME = "figures";

/**
 * Exporters that stand beside what they watch: the disk of a member and the node it runs on, and a pooler behind a name that
 * leads to any of them.
 */
export class Companions {
  readonly #settings: Pick<Settings, "monitoring">;
  readonly #listener: readonly FileSpec[];

  constructor(settings: Pick<Settings, "monitoring">, authority: CertificateAuthority) {
    this.#settings = settings;
    this.#listener = listenerFiles(COMPANION_NAME, [COMPANION_NAME], authority);
  }

  /** Beside a member with a disk. */
  get member(): CompanionSpec {
    return exporterProgram(this.#settings, PORTS.nodeExporter, { EXPORTER: "member" }, this.#listener);
  }

  /** Beside a pooler, whose certificate has to name `localhost`. */
  pooler({ passwords, ca }: Pick<PostgresCluster, "passwords" | "ca">): CompanionSpec {
    const environment = { EXPORTER: "pgbouncer", EXPORTER_TARGET: `localhost:${PORTS.pgbouncer}` };
    return exporterProgram(this.#settings, PORTS.pgbouncerExporter, environment, [
      ...this.#listener,
      { path: "secrets/monitoring-password", content: passwords.monitoring },
      { path: "tls/postgres-ca.crt", content: ca },
    ]);
  }
}
