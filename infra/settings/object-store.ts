import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { choice, network, section } from "./kinds.ts";

const ENDPOINT = /^https:\/\/[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:\d+)?$/;
const HTTPS_PORT = 443;

const isEndpoint = (text: string) => ENDPOINT.test(text) && URL.parse(text) !== null;

/** An address with a user in it has a secret in it, too. */
const shown = (input: unknown) =>
  String(input).includes("@") ? "has a user in it" : `is ${JSON.stringify(input)}`;

const endpoint = z
  .string()
  .refine((text) => text === "" || isEndpoint(text), {
    error: (issue) =>
      `${shown(issue.input)}; use an address such as "https://s3.eu-central-1.amazonaws.com" or ` +
      '"https://objects.example:9000", without user and path: nothing but TLS is spoken',
  })
  .default("");

const matching = (pattern: RegExp, allowed: string, fallback = "") =>
  z
    .string()
    .regex(pattern, { error: (issue) => `is ${JSON.stringify(issue.input)}; ${allowed}` })
    .default(fallback);

const rootCertificate = z
  .string()
  .refine((text) => text === "" || isCertificate(text), {
    error:
      "is no certificate; write the PEM text of the root that the store's certificate is verified by, " +
      "from -----BEGIN CERTIFICATE----- on",
  })
  .default("");

function isCertificate(text: string): boolean {
  try {
    new X509Certificate(text);
    return true;
  } catch {
    return false;
  }
}

/** The S3-compatible store that the repository of backups is in; a volume of the repository's host without it. */
export const objectStore = section({
  endpoint: endpoint.describe(
    "Address of an S3-compatible store, `https://` and a name, that the repository is in; empty: it is on the volume of its host. Moving it begins a new repository with a full backup, and leaves the former where it is (docs/backup.md).",
  ),
  bucket: matching(
    /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$/,
    "use a bucket's name: 3 to 63 lower-case letters, digits, dots and dashes",
  ).describe("Bucket of the repository, which has to be there."),
  path: matching(
    /^((\/[A-Za-z0-9][A-Za-z0-9._-]*)+)?$/,
    'use a path such as "/backups/prod" of letters, digits, dots, dashes and underscores',
  ).describe("Where in the bucket; empty: `/dujyo-<stack>`. No two stacks may share one."),
  region: matching(
    /^[a-z0-9-]+$/,
    'use a region such as "eu-central-1", or what the store calls its own',
    "us-east-1",
  ).describe("Region of the bucket; it goes into every signature."),
  uriStyle: choice(["host", "path"], "host").describe(
    "Whether the bucket is named in front of the endpoint's name, as AWS wants it, or as the path behind it, as most stores of one's own do.",
  ),
  rootCertificate: rootCertificate.describe(
    "Root certificate, PEM, that the store's certificate is verified by; empty: those that Debian trusts.",
  ),
  network: network("0.0.0.0/0").describe(
    "Addresses of the store, reached from the repository's host alone; enforced on Kubernetes.",
  ),
});

/** Name and port of the store. */
export function storeAddress({ endpoint }: { readonly endpoint: string }): {
  readonly host: string;
  readonly port: number;
} {
  const { hostname, port } = new URL(endpoint);
  return { host: hostname, port: port === "" ? HTTPS_PORT : Number(port) };
}
