import type * as pulumi from "@pulumi/pulumi";
import { Certificate, type CertificateAuthority } from "../../secrets/certificates.ts";
import type { FileSpec } from "../../target.ts";

/** Certificate of a listener of the monitoring: `tls/ca.crt`, `tls/server.crt`, `tls/server.key`. */
export function listenerFiles(
  part: string,
  hosts: readonly string[],
  authority: CertificateAuthority,
  parent?: pulumi.Resource,
): FileSpec[] {
  const leaf = new Certificate(`${part}-tls`, { authority, commonName: part, names: hosts }, { parent });
  return [
    { path: "tls/ca.crt", content: authority.certificate },
    { path: "tls/server.crt", content: leaf.certificate },
    { path: "tls/server.key", content: leaf.privateKey },
  ];
}
