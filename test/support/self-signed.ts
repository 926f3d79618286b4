import { mustRun } from "../../tools/process.ts";

/** Writes a certificate that is its own root, and its key; for a day, and the first of the names is its subject. */
export async function writeSelfSigned(
  key: string,
  certificate: string,
  names: readonly [string, ...string[]],
): Promise<void> {
  const alternatives = names.map((name) => `DNS:${name}`).join(",");
  await mustRun("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
    ...["-subj", `/CN=${names[0]}`, "-addext", `subjectAltName=${alternatives}`],
    ...["-keyout", key, "-out", certificate],
  ]);
}
