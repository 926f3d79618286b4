import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { X509CertificateGenerator } from "@peculiar/x509";
import { describe, expect, it } from "vitest";
import { leafProvider } from "../../infra/secrets/certificates.ts";

const DAY_MS = 86_400_000;

async function endingIn(days: number): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=test",
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + days * DAY_MS),
    signingAlgorithm: algorithm,
    keys: keys as never,
  });
  return certificate.toString("pem");
}

const request = { commonName: "postgres-0", days: 397, names: ["postgres-0"], authorityCertificate: "root" };

describe("a deployed certificate", () => {
  const changes = async (days: number, news: Record<string, unknown> = request) =>
    (await leafProvider.diff?.("id", { ...request, certificate: await endingIn(days) }, news))?.changes;

  it("is replaced in its last 60 days, and not before", async () => {
    expect(await changes(59)).toBe(true);
    expect(await changes(61)).toBe(false);
  });

  it("is replaced where its names or its authority change", async () => {
    expect(await changes(300, { ...request, names: ["postgres-0", "haproxy"] })).toBe(true);
    expect(await changes(300, { ...request, authorityCertificate: "another root" })).toBe(true);
  });
});
