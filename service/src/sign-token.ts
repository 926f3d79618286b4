import { importJWK, type JWK, SignJWT } from "jose";

import type { TokenConfig } from "./config.ts";

export interface TokenSubject {
  /** The account that the token acts for. */
  readonly address: string;
  /** `admin` opens the admin routes. */
  readonly scope?: string | undefined;
  /** Life, seconds. */
  readonly ttl: number;
}

/** A bearer token that the API accepts. @throws Error where the key is no private JSON Web Key */
export async function signToken(
  { key, issuer, audience }: TokenConfig,
  { address, scope, ttl }: TokenSubject,
): Promise<string> {
  const jwk = JSON.parse(key) as JWK;
  return await new SignJWT(scope ? { scope } : {})
    .setProtectedHeader({ alg: jwk.alg ?? "EdDSA", ...(jwk.kid ? { kid: jwk.kid } : {}) })
    .setSubject(address)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(`${ttl} seconds`)
    .sign(await importJWK(jwk, jwk.alg ?? "EdDSA"));
}
