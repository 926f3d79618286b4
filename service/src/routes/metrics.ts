import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { Type } from "typebox";

import type { Diagnostics } from "../diagnostics.ts";
import { summarizeWorkers } from "../metrics/workers-summary.ts";
import { Metrics } from "../schemas/operations.ts";

const schema = {
  response: {
    200: {
      description: "JSON, or the text format to whoever names one in Accept",
      content: {
        "application/json": { schema: Metrics },
        "text/plain": { schema: Type.String() },
      },
    },
  },
};

export interface MetricsRoutesArgs {
  readonly diagnostics: Diagnostics;
  readonly registry: Registry;
  /** All processes of this container as one; absent where this process is the only one. */
  readonly container?: { readonly name: string; readonly figures: () => Promise<Registry> };
}

/** `GET /metrics`: text to whoever names a text format, as scrapers do; JSON to everyone else. */
export function addMetrics(app: FastifyInstance, args: MetricsRoutesArgs): void {
  const { diagnostics, registry: own, container } = args;
  app.get("/metrics", { config: { always: true }, schema }, async (request, reply) => {
    const registry = (await container?.figures()) ?? own;
    if (/text\/plain|openmetrics/.test(request.headers.accept ?? "")) {
      return reply.header("content-type", registry.contentType).send(await registry.metrics());
    }
    const [hits, fleet] = await Promise.all([diagnostics.hitRatio(), diagnostics.fleet()]);
    const summary = container
      ? summarizeWorkers(await registry.getMetricsAsJSON())
      : { ...diagnostics.requests(), circuit_breakers: diagnostics.breakers() };
    return {
      timestamp: new Date().toISOString(),
      instance: container?.name ?? diagnostics.instance,
      cache_hit_ratio: hits.ratio,
      cache: { lookups: hits.lookups, hits: hits.hits, window_seconds: 300, scope: hits.scope },
      ...summary,
      fleet,
    };
  });
}
