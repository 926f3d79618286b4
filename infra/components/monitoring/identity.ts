import type * as pulumi from "@pulumi/pulumi";
import { Certificate } from "../../secrets/certificates.ts";
import type { FileSpec } from "../../target.ts";
import type { MonitoringArgs } from "./sources.ts";

/**
 * What Prometheus shows to each trust domain, and what it verifies its members by: `tls/<domain>-...`. A change replaces it,
 * like all that watches.
 */
export function scrapeIdentities(
  { authority, postgres, etcd, api }: MonitoringArgs,
  parent: pulumi.Resource,
): FileSpec[] {
  const name = "prometheus-scrape";
  const leaf = new Certificate(`${name}-tls`, { authority, commonName: name, names: [name] }, { parent });
  const ofPostgres = postgres
    .serverFiles(name, [name], "client")
    .map(({ path, content }) => ({ path: path.replace("tls/", "tls/postgres-"), content }));
  return [
    { path: "tls/monitoring-ca.crt", content: authority.certificate },
    { path: "tls/monitoring-client.crt", content: leaf.certificate },
    { path: "tls/monitoring-client.key", content: leaf.privateKey },
    ...ofPostgres,
    ...etcd.clientFiles(name).map(({ path, content }) => ({ path, content })),
    { path: "tls/api-ca.crt", content: api.ca },
  ];
}
