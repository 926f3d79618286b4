import { createHmac } from "node:crypto";

import type { FastifyInstance, FastifyRequest } from "fastify";

export interface AccessLogArgs {
  /** `protected`: what needs a token, and every refusal of a caller. `all`: every request but those of observers. */
  readonly requests: "protected" | "all";
  /** Secret that pseudonyms are made with. */
  readonly key: string;
}

declare module "fastify" {
  interface FastifyRequest {
    /** What the request was about, where it is not the account that it names: `transaction HASH`. */
    accessed: string | undefined;
  }
}

/** Answers that say that the caller may not, whatever the route. */
const REFUSALS = new Set([401, 403, 429]);

/**
 * One line a request: who did what to what, and how it ended. Addresses are personal data and stand there as pseudonyms:
 * the same one each time, so that lines can be brought together, and nobody's without the key. Written at every log level.
 */
export function addAccessLog(app: FastifyInstance, { requests, key }: AccessLogArgs): void {
  const log = app.log.child({ log: "access" }, { level: "info" });
  app.decorateRequest("accessed", undefined);
  app.addHook("onResponse", (request, reply, done) => {
    const { always, needsToken } = request.routeConfig;
    const status = reply.statusCode;
    if (REFUSALS.has(status) || needsToken === true || (requests === "all" && always !== true)) {
      log.info({
        request: request.id,
        principal: request.caller ? pseudonym(key, request.caller.address) : "anonymous",
        client: pseudonym(key, request.ip),
        action: `${request.method} ${request.routeOptions.url ?? "unrouted"}`,
        object: objectOf(request, key),
        outcome:
          status < 400 ? "done" : REFUSALS.has(status) ? "denied" : status < 500 ? "refused" : "failed",
        status,
        ...(request.problem === undefined ? {} : { code: request.problem }),
      });
    }
    done();
  });
}

/**
 * Stands for an address in the log.
 * @returns 132 bits of an HMAC-SHA-256, as 22 characters.
 */
export function pseudonym(key: string, address: string): string {
  return createHmac("sha256", key).update(address).digest("base64url").slice(0, 22);
}

function objectOf({ accessed, params, body }: FastifyRequest, key: string): string | undefined {
  if (accessed !== undefined) return accessed;
  // Of a request that was refused they may be anything.
  const address =
    (params as { address?: unknown } | null)?.address ?? (body as { from?: unknown } | null)?.from;
  return typeof address === "string" ? `account ${pseudonym(key, address)}` : undefined;
}
