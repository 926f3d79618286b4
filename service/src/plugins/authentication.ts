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
  /** The public keys; several during a rotation. */
  readonly keySet: JSONWebKeySet;
  readonly issuer: string;
  readonly audience: string;
}

export type Authenticate = (request: FastifyRequest) => Promise<Caller>;

/** Keys are asymmetric only: who can check a token must not be able to make one. */
const ALGORITHMS = ["EdDSA", "ES256"];

/** Tells callers by bearer tokens that one of the keys has signed. */
export function createAuthentication({ keySet, issuer, audience }: AuthenticationArgs): Authenticate {
  const keys = createLocalJWKSet(keySet);

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
