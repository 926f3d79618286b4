import { readConfig } from "../../lib/render.ts";
import { bytes } from "../../lib/units.ts";
import type { Settings } from "../../settings/schema.ts";
import type { CompanionSpec, FileSpec } from "../../target.ts";

/** What every exporter is, wherever it stands: it listens on `port` with the certificate that `files` bring. */
export function exporterProgram(
  { monitoring: { exporterMemory, exporterCpus } }: Pick<Settings, "monitoring">,
  port: number,
  environment: Readonly<Record<string, string>>,
  files: readonly FileSpec[],
): CompanionSpec {
  return {
    image: "exporters",
    limits: { memory: bytes(exporterMemory), cpus: exporterCpus },
    environment: { ...environment, EXPORTER_PORT: String(port) },
    files: [{ path: "web.yml", content: readConfig("exporters/web.yml") }, ...files],
  };
}
