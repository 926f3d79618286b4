import type { FastifyInstance, FastifyRequest } from "fastify";
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from "jose";

import { Problem } from "../errors.ts";
import { IS_ADDRESS } from "../schemas/fields.ts";

/** Who calls, as a valid token says. */
export interface Caller {
  /** The address that the caller may act for. */
  readonly address: string;
  readonly scopes: readonly string[];
}

/** The public keys in force; several during a rotation. They may be replaced at any time. */
export interface KeyRing {
  keySet: JSONWebKeySet;
}

export interface AuthenticationArgs {
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly audience: string;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered to holders of a valid token alone. */
    readonly needsToken?: boolean;
  }
  interface FastifyRequest {
    /** Whom a valid token names; undefined before it was checked, and on routes that want none. */
    caller: Caller | undefined;
  }
}

export type Authenticate = (request: FastifyRequest) => Promise<Caller>;

/** Of the kinds of key that a key set may hold. */
const ALGORITHMS = ["EdDSA", "ES256"];

/** Lets requests carry their caller. Call it before the routes are added. */
export function addCallers(app: FastifyInstance): void {
  app.decorateRequest("caller", undefined);
}

/** Tells callers by bearer tokens that one of the keys has signed, and notes them on the request. */
export function createAuthentication({ keys, issuer, audience }: AuthenticationArgs): Authenticate {
  let known = keys.keySet;
  let find = createLocalJWKSet(known);
  /** Imported keys are kept for as long as the set is the same. */
  const keyFor: JWTVerifyGetKey = (...token) => {
    if (known !== keys.keySet) {
      known = keys.keySet;
      find = createLocalJWKSet(known);
    }
    return find(...token);
  };

  return async (request) => {
    const [, token] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (token === undefined) throw new Problem("invalid_token", { detail: "no bearer token was sent" });
    try {
      const { payload } = await jwtVerify(token, keyFor, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ["sub", "exp"],
      });
      const address = payload.sub ?? "";
      if (!IS_ADDRESS.test(address)) throw new Error("the token's subject is no address");
      const scopes = String(payload.scope ?? "")
        .split(" ")
        .filter(Boolean);
      request.caller = { address, scopes };
      return request.caller;
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
