import type { FastifyInstance } from "fastify";

import type { Diagnostics } from "../diagnostics.ts";
import type { Lifecycle } from "../plugins/admission.ts";
import { seconds } from "../repositories/view.ts";
import { DetailedHealth, Health, Readiness } from "../schemas/operations.ts";
import { VERSION } from "../version.ts";

export interface HealthRoutesArgs {
  readonly lifecycle: Lifecycle;
  readonly diagnostics: Diagnostics;
  /**
   * Why this instance should get no requests yet, or undefined. Never the loss of something that all instances share: what
   * the caches hold, and problems that say when to come back, are better answers than none.
   */
  readonly unready: () => Promise<string | undefined>;
}

const config = { always: true };

/** `GET /health`, `/health/live`, `/health/ready`, `/health/detailed`. */
export function addHealth(app: FastifyInstance, { lifecycle, diagnostics, unready }: HealthRoutesArgs): void {
  app.get("/health", { config, schema: { response: { 200: Health } } }, () => ({
    status: "ok",
    timestamp: seconds(Date.now()),
    version: VERSION,
    uptime: Math.floor(process.uptime()),
  }));

  app.get("/health/live", { config, schema: { response: { 200: Readiness } } }, () => ({
    status: "ok",
    detail: "the event loop turns",
  }));

  app.get(
    "/health/ready",
    { config, schema: { response: { 200: Readiness, 503: Readiness } } },
    async (_request, reply) => {
      const reason = lifecycle.draining ? "draining" : await unready();
      return reply.code(reason === undefined ? 200 : 503).send({
        status: reason === undefined ? "ok" : "unready",
        detail: reason ?? "requests are answered",
      });
    },
  );

  app.get("/health/detailed", { config, schema: { response: { 200: DetailedHealth } } }, async () => {
    const [database, cache, hits] = await Promise.all([
      diagnostics.database(),
      diagnostics.cache(),
      diagnostics.hitRatio(),
    ]);
    const { master, reader_pool: reader } = database;
    const databaseHealthy = master.is_healthy && database.total_healthy_replicas === database.total_replicas;
    const healthy = databaseHealthy && cache.status === "healthy" && !diagnostics.breakerOpen();
    return {
      status: healthy ? "healthy" : "degraded",
      timestamp: new Date().toISOString(),
      instance: diagnostics.instance,
      database: {
        status: databaseHealthy ? "healthy" : "degraded",
        connection_pool_size: master.size + reader.size,
        active_connections: master.active_connections + reader.active_connections,
        idle_connections: master.idle + reader.idle,
        read_replicas_healthy: database.total_healthy_replicas,
        total_read_replicas: database.total_replicas,
      },
      cache: {
        status: cache.status,
        hit_ratio: hits.ratio,
        connection_count: cache.pool_size,
        memory_usage: cache.memory_used,
      },
      metrics: { ...diagnostics.requests(), circuit_breakers: diagnostics.breakers() },
    };
  });
}
