import cluster from "node:cluster";
import { setTimeout as pause } from "node:timers/promises";

import { buildApp } from "./app.ts";
import { readConfig, type ServiceConfig } from "./config.ts";
import { createLogger } from "./logger.ts";
import { collectFromWorkers, joinWorkers } from "./metrics/workers.ts";
import { startServices } from "./services.ts";

/** What a worker says once it accepts requests. */
const SERVING = "serving";

const config = loadConfig();
if (config.workers > 1 && cluster.isPrimary) startWorkers(config.workers);
else
  await serve(
    config.workers > 1 ? { ...config, instance: `${config.instance}.${cluster.worker?.id}` } : config,
  );

function loadConfig(): ServiceConfig {
  try {
    return readConfig();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(78);
  }
}

async function serve(settings: ServiceConfig): Promise<void> {
  const lines: Record<string, number> = {};
  const log = createLogger({ level: settings.logLevel, instance: settings.instance, lines });
  const services = startServices(settings, log, lines);
  const container =
    settings.workers > 1
      ? {
          name: config.instance,
          figures: joinWorkers(services.registry, (error) =>
            log.warn({ reason: String(error) }, "no figures sent"),
          ),
        }
      : undefined;
  const app = await buildApp(settings, { ...services, container }, log);
  if (!settings.auth.admin) log.warn("admin routes are open to everyone who reaches this port");
  await app.listen({
    host: settings.host,
    port: settings.port,
    // Each process has a queue of its own, filled by the kernel, instead of one process handing connections on.
    ...(settings.workers > 1 ? { reusePort: true, exclusive: true } : {}),
  });
  log.info({ port: settings.port }, "serving");
  process.send?.(SERVING);

  const drain = async (signal: string): Promise<void> => {
    if (services.lifecycle.draining) return;
    log.info({ signal }, "draining");
    services.lifecycle.draining = true;
    // Balancers ask for readiness now and then: until they have noticed, requests keep coming and are answered.
    await pause(settings.limits.drainDelayMs);
    const late = setTimeout(() => app.server.closeAllConnections(), settings.limits.drainTimeoutMs);
    await app.close();
    clearTimeout(late);
    await services.close();
    log.info("drained");
    await new Promise<void>((resolve) => log.flush(() => resolve()));
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void drain(signal));
}

/**
 * Starts the processes, replaces one that dies, and hands signals on. One that ends before it has served ends them all: the
 * next would do the same, and whoever restarts the container waits longer each time.
 */
function startWorkers(count: number): void {
  let stopping = false;
  const served = new Set<number>();
  collectFromWorkers();
  for (let at = 0; at < count; at++) cluster.fork();
  cluster.on("message", ({ id }, message: unknown) => {
    if (message === SERVING) served.add(id);
  });
  cluster.on("exit", ({ id }, code) => {
    if (stopping) {
      if (Object.keys(cluster.workers ?? {}).length === 0) process.exit(0);
    } else if (served.delete(id)) cluster.fork();
    else process.exit(code || 1);
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      stopping = true;
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
    });
  }
}
