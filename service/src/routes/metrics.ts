import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";

import type { Diagnostics } from "../diagnostics.ts";

export interface MetricsRoutesArgs {
  readonly diagnostics: Diagnostics;
  readonly registry: Registry;
}

/** `GET /metrics`: text to whoever names a text format, as scrapers do; JSON to everyone else. */
export function addMetrics(app: FastifyInstance, { diagnostics, registry }: MetricsRoutesArgs): void {
  app.get("/metrics", { config: { always: true } }, async (request, reply) => {
    if (/text\/plain|openmetrics/.test(request.headers.accept ?? "")) {
      return reply.header("content-type", registry.contentType).send(await registry.metrics());
    }
    const [hits, fleet] = await Promise.all([diagnostics.hitRatio(), diagnostics.fleet()]);
    return {
      timestamp: new Date().toISOString(),
      instance: diagnostics.instance,
      cache_hit_ratio: hits.ratio,
      cache: { lookups: hits.lookups, hits: hits.hits, window_seconds: 300, scope: hits.scope },
      ...diagnostics.requests(),
      circuit_breakers: diagnostics.breakers(),
      fleet,
    };
  });
}
