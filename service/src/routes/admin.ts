import type { FastifyInstance } from "fastify";

import type { Diagnostics } from "../diagnostics.ts";
import { type Authenticate, requireScope } from "../plugins/authentication.ts";
import type { LimitPrincipal } from "../plugins/rate-limits.ts";
import { responses } from "../schemas/fields.ts";
import { CacheStats, DatabaseStats, Performance } from "../schemas/operations.ts";

export interface AdminRoutesArgs {
  readonly diagnostics: Diagnostics;
  /** Absent: anyone who reaches the service may ask. For a stack that listens on loopback alone. */
  readonly authenticate: Authenticate | undefined;
  readonly limitPrincipal: LimitPrincipal;
}

/** `GET /admin/performance`, `/admin/cache/stats`, `/admin/database/stats`. */
export function addAdmin(
  app: FastifyInstance,
  { diagnostics, authenticate, limitPrincipal }: AdminRoutesArgs,
): void {
  const options = (answer: Parameters<typeof responses>[0]) => ({
    schema: { security: [{ bearer: [] }], response: responses(answer, 401, 403) },
    config: { needsToken: true },
    ...(authenticate
      ? {
          onRequest: async (request: Parameters<Authenticate>[0]) => {
            const caller = await authenticate(request);
            limitPrincipal(caller.address);
            requireScope(caller, "admin");
          },
        }
      : {}),
  });
  const { instance } = diagnostics;

  const cacheStats = async () => {
    const [cache, hits] = await Promise.all([diagnostics.cache(), diagnostics.hitRatio()]);
    return { ...cache, hit_ratio: hits.ratio };
  };

  app.get("/admin/performance", options(Performance), async () => {
    const [database, cache, fleet] = await Promise.all([
      diagnostics.database(),
      cacheStats(),
      diagnostics.fleet(),
    ]);
    return {
      instance,
      database,
      cache,
      circuit_breaker_open: diagnostics.breakerOpen(),
      circuit_breakers: diagnostics.breakers(),
      ...diagnostics.requests(),
      fleet,
    };
  });

  app.get("/admin/cache/stats", options(CacheStats), async () => {
    const [stats, fleet] = await Promise.all([cacheStats(), diagnostics.fleet()]);
    return { instance, ...stats, fleet };
  });

  app.get("/admin/database/stats", options(DatabaseStats), async () => {
    const [stats, fleet] = await Promise.all([diagnostics.database(), diagnostics.fleet()]);
    return { instance, ...stats, fleet };
  });
}
