import { readConfig } from "../../lib/render.ts";
import { bytes } from "../../lib/units.ts";
import { PORTS } from "../../ports.ts";
import { Certificate, type CertificateAuthority } from "../../secrets/certificates.ts";
import type { Settings } from "../../settings/schema.ts";
import type { CompanionSpec, FileSpec } from "../../target.ts";
import type { PostgresCluster } from "../postgres-cluster.ts";

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
    const leaf = new Certificate(`${COMPANION_NAME}-tls`, {
      authority,
      commonName: COMPANION_NAME,
      names: [COMPANION_NAME],
    });
    this.#settings = settings;
    this.#listener = [
      { path: "web.yml", content: readConfig("exporters/web.yml") },
      { path: "tls/ca.crt", content: authority.certificate },
      { path: "tls/server.crt", content: leaf.certificate },
      { path: "tls/server.key", content: leaf.privateKey },
    ];
  }

  /** Beside a member with a disk. */
  get member(): CompanionSpec {
    return this.#exporter("member", PORTS.nodeExporter);
  }

  /** Beside a pooler, whose certificate has to name `localhost`. */
  pooler({ passwords, ca }: Pick<PostgresCluster, "passwords" | "ca">): CompanionSpec {
    return this.#exporter(
      "pgbouncer",
      PORTS.pgbouncerExporter,
      { EXPORTER_TARGET: `localhost:${PORTS.pgbouncer}` },
      [
        { path: "secrets/monitoring-password", content: passwords.monitoring },
        { path: "tls/postgres-ca.crt", content: ca },
      ],
    );
  }

  #exporter(
    exporter: string,
    port: number,
    environment: Record<string, string> = {},
    files: readonly FileSpec[] = [],
  ): CompanionSpec {
    const { exporterMemory, exporterCpus } = this.#settings.monitoring;
    return {
      image: "exporters",
      limits: { memory: bytes(exporterMemory), cpus: exporterCpus },
      environment: { EXPORTER: exporter, EXPORTER_PORT: String(port), ...environment },
      files: [...this.#listener, ...files],
    };
  }
}
