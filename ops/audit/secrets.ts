import { resourcesOf, type Snapshot } from "../../tools/stack/snapshot.ts";

const KIND = "pulumi-nodejs:dynamic/secrets:";

interface Shown {
  /** JSON of the value, where the export was told to show secrets. */
  readonly plaintext?: string;
}

function textOf(output: unknown): string | undefined {
  if (typeof output === "string") return output;
  const plaintext = (output as Shown | undefined)?.plaintext;
  return plaintext === undefined ? undefined : (JSON.parse(plaintext) as string);
}

/**
 * What has to be searched for to find a key: the longest line of a PEM, the private number of a JSON Web Key; a password
 * is searched for as it is.
 */
export function needle(secret: string): string {
  if (secret.startsWith("{")) return (JSON.parse(secret) as { d: string }).d;
  if (!secret.startsWith("-----BEGIN")) return secret;
  // The first line of a key of this kind names the algorithm and is the same in all of them.
  return secret.split("\n")[2] ?? "";
}

/** Every value that the program generated, by the resource it belongs to, and the roots of its trust domains. */
export function generatedSecrets(shown: Snapshot): {
  readonly secrets: ReadonlyMap<string, string>;
  readonly authorities: ReadonlyMap<string, string>;
} {
  const secrets = new Map<string, string>();
  const authorities = new Map<string, string>();
  for (const { urn, type, outputs } of resourcesOf(shown)) {
    if (!type.startsWith(KIND) || type === `${KIND}Identity`) continue;
    const name = urn.split("::").at(-1) ?? urn;
    const secret = textOf(outputs?.value) ?? textOf(outputs?.privateJwk) ?? textOf(outputs?.privateKey);
    if (secret === undefined) throw new Error(`the state shows no secret of ${name}`);
    secrets.set(name, needle(secret));
    const certificate = textOf(outputs?.certificate);
    if (type === `${KIND}CertificateAuthority` && certificate !== undefined)
      authorities.set(name, certificate);
  }
  return { secrets, authorities };
}

/** Names of the secrets that stand in a text. */
export function secretsIn(text: string, secrets: ReadonlyMap<string, string>): string[] {
  return [...secrets].filter(([, secret]) => text.includes(secret)).map(([name]) => name);
}
