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
/** Tokens that are known to be valid, and how long each may be: ten megabytes at most. */
const KNOWN_TOKENS = 5_000;
const KNOWN_LENGTH = 2_048;

/** Lets requests carry their caller. Call it before the routes are added. */
export function addCallers(app: FastifyInstance): void {
  app.decorateRequest("caller", undefined);
}

/** What follows from the keys in force: it goes with them. */
interface Ring {
  readonly keySet: JSONWebKeySet;
  /** Keeps what it has imported. */
  readonly find: JWTVerifyGetKey;
  readonly known: Map<string, Known>;
}

interface Known {
  readonly caller: Caller;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/**
 * Tells callers by bearer tokens that one of the keys has signed, and notes them on the request. A token is checked once for as
 * long as the keys in force are the same: checking a signature costs as much as several reads.
 */
export function createAuthentication({ keys, issuer, audience }: AuthenticationArgs): Authenticate {
  const ringOf = (keySet: JSONWebKeySet): Ring => ({
    keySet,
    find: createLocalJWKSet(keySet),
    known: new Map(),
  });
  let ring = ringOf(keys.keySet);

  return async (request) => {
    const [, token] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (token === undefined) throw new Problem("invalid_token", { detail: "no bearer token was sent" });
    if (ring.keySet !== keys.keySet) ring = ringOf(keys.keySet);
    // Keys that are replaced during the check below must not get what it finds.
    const { find, known } = ring;
    const seen = known.get(token);
    if (seen !== undefined && Date.now() < seen.expiresAt) {
      request.caller = seen.caller;
      return seen.caller;
    }
    try {
      const { payload } = await jwtVerify(token, find, {
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
      const caller = { address, scopes };
      // All go at once: which of them come back shows soon.
      if (known.size >= KNOWN_TOKENS) known.clear();
      if (token.length <= KNOWN_LENGTH) known.set(token, { caller, expiresAt: (payload.exp ?? 0) * 1000 });
      request.caller = caller;
      return caller;
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
