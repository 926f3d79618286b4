import type { FastifyRequest } from "fastify";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";

import { Problem } from "../errors.ts";

/** Who calls, as a valid token says. */
export interface Caller {
  /** The address that the caller may act for. */
  readonly address: string;
  readonly scopes: readonly string[];
}

export interface AuthenticationArgs {
  /** JSON Web Key Set with the public keys; several during a rotation. */
  readonly keySet: string;
  readonly issuer: string;
  readonly audience: string;
}

export type Authenticate = (request: FastifyRequest) => Promise<Caller>;

/** Keys are asymmetric only: who can check a token must not be able to make one. */
const ALGORITHMS = ["EdDSA", "ES256"];

/** @throws Error at once if the key set is none, or holds private keys. */
export function createAuthentication({ keySet, issuer, audience }: AuthenticationArgs): Authenticate {
  const set = JSON.parse(keySet) as JSONWebKeySet;
  if (!set.keys?.length) throw new Error("AUTH_KEY_SET_FILE holds no keys; it has to be a JSON Web Key Set");
  if (set.keys.some((key) => "d" in key))
    throw new Error("AUTH_KEY_SET_FILE holds a private key; give it public keys only");
  const keys = createLocalJWKSet(set);

  return async (request) => {
    const [, token] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (token === undefined) throw new Problem("invalid_token", { detail: "no bearer token was sent" });
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ["sub", "exp"],
      });
      return {
        address: payload.sub ?? "",
        scopes: String(payload.scope ?? "")
          .split(" ")
          .filter(Boolean),
      };
    } catch (error) {
      throw new Problem("invalid_token", {
        detail: "the token is not valid here, or no longer",
        cause: error,
      });
    }
  };
}

export function requireScope(caller: Caller, scope: string): void {
  if (!caller.scopes.includes(scope))
    throw new Problem("forbidden", { detail: `the token lacks the scope ${scope}` });
}
