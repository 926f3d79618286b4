import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";

import type { FastifyInstance } from "fastify";

import { Problem } from "../errors.ts";
import type { RateLimiter } from "../resilience/rate-limiter.ts";

/** What a limit is kept by: the network address that a request comes from, or the address that its token is for. */
export type LimitedBy = "address" | "principal";

export interface RateLimitArgs {
  readonly limiters: Readonly<Record<LimitedBy, Pick<RateLimiter, "take">>>;
  /** Whether the request has been counted by its network address before. */
  readonly isCounted: (request: IncomingMessage) => boolean;
  readonly onLimited: (by: LimitedBy) => void;
}

/** @throws Problem that says when to come back, where the principal has asked too often. */
export type LimitPrincipal = (principal: string) => void;

/**
 * Limits the requests of each network address, before anything is done for them.
 * @returns the limit by principal, for the routes that know one.
 */
export function addRateLimits(
  app: FastifyInstance,
  { limiters, isCounted, onLimited }: RateLimitArgs,
): LimitPrincipal {
  const refusal = (by: LimitedBy, key: string): Problem | undefined => {
    const retryAfter = limiters[by].take(key);
    if (retryAfter === 0) return undefined;
    onLimited(by);
    return new Problem("rate_limited", { detail: `more requests than one ${by} may send`, retryAfter });
  };
  app.addHook("onRequest", (request, _reply, done) => {
    // What observes the process must be able to, whatever others ask.
    const free = request.routeConfig.always === true || isCounted(request.raw);
    done(free ? undefined : refusal("address", networkOf(request.ip)));
  });
  return (principal) => {
    const problem = refusal("principal", principal);
    if (problem) throw problem;
  };
}

/** An IPv4 address; of an IPv6 address the first 64 bits: one subscriber has at least that much. */
export function networkOf(ip: string): string {
  // The test proper is a long pattern, and hardly any caller needs it. A connection that is already gone has no address.
  if (!ip?.includes(":") || !isIPv6(ip)) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = ip.split("::");
  const groups = head.split(":").filter(Boolean);
  const after = tail?.split(":").filter(Boolean) ?? [];
  const zeros = Array.from({ length: 8 - groups.length - after.length }, () => "0");
  return [...groups, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
