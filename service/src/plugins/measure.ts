import type { FastifyInstance } from "fastify";
import type { RouteLatency } from "../metrics/latency.ts";
import type { ServiceMetrics } from "../metrics.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Where this route's durations are counted. */
    latency?: RouteLatency;
  }
}

/** Requests slower than this are logged one by one. */
const SLOW_MS = 1000;

/** By the first digit of the status. */
const STATUS_CLASSES = ["0xx", "1xx", "2xx", "3xx", "4xx", "5xx"];

/** Counts an answer by its status, and its duration by its route. */
export function count(
  counts: Record<string, number>,
  latency: RouteLatency,
  { status, ms }: { status: number; ms: number },
): void {
  latency.observe(ms / 1000);
  const statusClass = STATUS_CLASSES[Math.floor(status / 100)] ?? "5xx";
  counts[statusClass] = (counts[statusClass] ?? 0) + 1;
}

/** Counts answers and their durations by route template, and logs the slow ones. */
export function addMeasuring(app: FastifyInstance, metrics: ServiceMetrics): void {
  const unrouted = metrics.latencies.route("unrouted");
  app.addHook("onRoute", (route) => {
    route.config = { ...route.config, latency: metrics.latencies.route(route.url) };
  });
  app.addHook("onResponse", (request, reply, done) => {
    const ms = reply.elapsedTime;
    const { latency = unrouted, always } = request.routeConfig;
    count(always === true ? metrics.probes : metrics.answers, latency, { status: reply.statusCode, ms });
    if (ms >= SLOW_MS) {
      request.log.warn(
        { route: request.routeOptions.url, status: reply.statusCode, ms: Math.round(ms) },
        "slow request",
      );
    }
    done();
  });
}
