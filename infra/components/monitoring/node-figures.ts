import { X509Certificate } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { DeployedMember, FileSpec } from "../../target.ts";

/**
 * What the exporter of machine figures has to be told: whose containers there are, where they can be seen, and when
 * certificates end.
 */
export function nodeFigureFiles(deployed: readonly DeployedMember[]): FileSpec[] {
  // A snapshot: members that come later are not in it.
  const members = [...deployed];
  const seen = members.flatMap(({ name, containerId }) =>
    containerId ? [pulumi.interpolate`${name} ${containerId}\n`] : [],
  );
  const certificates = members.flatMap(({ name, files }) =>
    files
      .filter(({ path }) => path.endsWith(".crt"))
      .map(({ path, content }) => pulumi.output(content).apply((pem) => expiry(name, path, pem))),
  );
  return [
    ...(seen.length > 0
      ? [{ path: "containers", content: pulumi.all(seen).apply((lines) => lines.join("")) }]
      : []),
    { path: "certificates.prom", content: pulumi.all(certificates).apply((lines) => HEAD + lines.join("")) },
  ];
}

const METRIC = "dujyo_certificate_expiry_timestamp_seconds";
const HEAD = `# HELP ${METRIC} End of the life of a deployed certificate\n# TYPE ${METRIC} gauge\n`;

function expiry(member: string, path: string, pem: string): string {
  // Mocks hand out texts that are no certificates.
  if (!pem.includes("BEGIN CERTIFICATE")) return "";
  const ends = Date.parse(new X509Certificate(pem).validTo) / 1000;
  const certificate = path.replace(/^tls\//, "").replace(/\.crt$/, "");
  return `${METRIC}{member="${member}",certificate="${certificate}"} ${ends}\n`;
}
