import type { FastifyInstance } from "fastify";
import { Type } from "typebox";

import type { Diagnostics } from "../diagnostics.ts";
import type { Lifecycle } from "../plugins/admission.ts";
import { seconds } from "../repositories/view.ts";
import { VERSION } from "../version.ts";

export interface HealthRoutesArgs {
  readonly lifecycle: Lifecycle;
  readonly diagnostics: Diagnostics;
  /** Why no request could be answered, or undefined if some can. */
  readonly unready: () => Promise<string | undefined>;
}

const config = { always: true };

const Health = Type.Object({
  status: Type.String(),
  timestamp: Type.Integer(),
  version: Type.String(),
  uptime: Type.Integer({ description: "seconds" }),
});

const Readiness = Type.Object({ status: Type.String(), detail: Type.String() });

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
        detail: reason ?? "reads can be answered",
      });
    },
  );

  app.get("/health/detailed", { config }, async () => {
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
