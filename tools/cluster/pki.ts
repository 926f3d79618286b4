import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../process.ts";
import { API_ADDRESS, API_PORT, CLUSTER, KUBECONFIG, NAME } from "./place.ts";

const PKI = join(CLUSTER, "pki");
const TOKENS = join(CLUSTER, "tokens");

/** Path of a key or certificate of the cluster. */
export function pki(file: string): string {
  return join(PKI, file);
}

/** One certificate that is its own root, for all that the cluster's parts say to each other, and a token that opens it. */
export async function ensureIdentity(address: string): Promise<void> {
  if (existsSync(KUBECONFIG)) return;
  mkdirSync(PKI, { recursive: true, mode: 0o700 });
  const names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];
  const alternatives = [
    ...names.map((name) => `DNS:${name}`),
    ...[API_ADDRESS, address, "127.0.0.1"].map((at) => `IP:${at}`),
  ];
  await mustRun("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"],
    ...["-subj", "/CN=dujyo-cluster/O=system:masters", "-addext", `subjectAltName=${alternatives.join(",")}`],
    ...["-keyout", pki("cluster.key"), "-out", pki("cluster.crt")],
  ]);
  await mustRun("openssl", ["genrsa", "-out", pki("accounts.key"), "2048"]);
  const token = randomBytes(24).toString("hex");
  writeFileSync(TOKENS, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  writeFileSync(KUBECONFIG, JSON.stringify(kubeconfig(address, token), undefined, 2), { mode: 0o600 });
}

/** File of the tokens that the cluster's API knows. */
export const TOKEN_FILE = TOKENS;

function kubeconfig(address: string, token: string) {
  const authority = readFileSync(pki("cluster.crt")).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: NAME,
        cluster: { server: `https://${address}:${API_PORT}`, "certificate-authority-data": authority },
      },
    ],
    users: [{ name: NAME, user: { token } }],
    contexts: [{ name: NAME, context: { cluster: NAME, user: NAME } }],
    "current-context": NAME,
  };
}
