import type { JSONWebKeySet } from "jose";

/** Kinds of key that tokens are checked with. Asymmetric only: who can check a token must not be able to make one. */
const CURVES: Readonly<Record<string, string>> = { OKP: "Ed25519", EC: "P-256" };

/**
 * A JSON Web Key Set of public keys, as text.
 * @throws Error that says what is wrong, as the end of a sentence about the file, and tells nothing of the content: that may
 *   be a secret.
 */
export function parseKeySet(text: string): JSONWebKeySet {
  const keys: unknown = (parseJson(text) as Partial<JSONWebKeySet> | null | undefined)?.keys;
  if (!Array.isArray(keys) || keys.length === 0 || keys.some((key) => typeof key?.kty !== "string"))
    throw new Error('that is no JSON Web Key Set with at least one key, {"keys": [...]}');
  if (keys.some((key) => "d" in key || "k" in key))
    throw new Error("that holds a private key; give it public keys only");
  if (keys.some(({ kty, crv }) => CURVES[kty] === undefined || CURVES[kty] !== crv))
    throw new Error("that holds a key of another kind; allowed are Ed25519 and P-256");
  const names = new Set(keys.map(({ kid }) => kid));
  if (keys.length > 1 && (names.has(undefined) || names.size < keys.length))
    throw new Error('that holds several keys; each needs a "kid" of its own');
  return { keys };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
