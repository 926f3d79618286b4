import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sample, Variant } from "./comparison.ts";
import { apiCounters } from "./load/api-counters.ts";
import { wrkProcess } from "./load/wrk.ts";
import { freePort, MeasuredProcess } from "./processes.ts";
import type { BenchStack } from "./stack.ts";

/** Entries that expire meanwhile are read anew. */
const LEAST_SHARE = 0.95;
const SERVICE = join(import.meta.dirname, "../../service/src/server.ts");

/** On a machine that is loaded to its limit, the service's own bounds would turn a slow answer into one from elsewhere. */
const PATIENT = {
  CACHE_MAX_STALENESS_MS: "60000",
  CACHE_TTL_BALANCE_MS: "3600000",
  CACHE_TTL_HISTORY_MS: "3600000",
  REDIS_COMMAND_TIMEOUT_MS: "3000",
  DB_MAX_WAIT_MS: "10000",
  DB_CONNECT_TIMEOUT_MS: "5000",
  DB_QUERY_TIMEOUT_MS: "5000",
  // All requests come from one address; they are counted all the same.
  RATE_LIMIT_ADDRESS: "1000000",
};

/** The runtime's options, as the service's image has them; the share of memory among them is one of this machine's here. */
const RUNTIME = readFileSync(join(import.meta.dirname, "../../service/Dockerfile"), "utf8").match(
  /(?<=")--[a-z][a-z0-9=-]*(?=")/g,
) as string[];

/** An HTTP server that is up on a port of its own. */
export class HttpServer {
  readonly process: MeasuredProcess;
  readonly port: number;

  private constructor(process: MeasuredProcess, port: number) {
    this.process = process;
    this.port = port;
  }

  static async #start(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    up: (url: string) => Promise<boolean>,
  ): Promise<HttpServer> {
    const port = await freePort();
    const server = new HttpServer(new MeasuredProcess(name, args, { ...env, PORT: String(port) }), port);
    await server.process.until(() => up(`http://127.0.0.1:${port}`));
    return server;
  }

  /** The service with everything on that production has, until it trusts its caches. */
  static api(
    stack: BenchStack,
    environment: Readonly<Record<string, string>> = {},
    flags: readonly string[] = [],
  ): Promise<HttpServer> {
    const env = {
      ...stack.environment,
      ...PATIENT,
      HOST: "127.0.0.1",
      INSTANCE: "bench",
      SEAL_INTERVAL_MS: "0",
    };
    return HttpServer.#start(
      "the API",
      [...RUNTIME, ...flags, SERVICE],
      { ...env, ...environment },
      async (url) => {
        const answer = await fetch(`${url}/metrics`);
        return ((await answer.json()) as { caches_trusted: boolean }).caches_trusted;
      },
    );
  }

  /** Fastify alone with these answers by path, in the same runtime. */
  static bare(
    stack: BenchStack,
    bodies: Readonly<Record<string, string>>,
    mode: "bytes" | "bytes-and-headers" | "serialise",
  ): Promise<HttpServer> {
    const file = join(stack.folder, `bodies-${mode}.json`);
    writeFileSync(file, JSON.stringify(bodies));
    const [path = ""] = Object.keys(bodies);
    const program = join(import.meta.dirname, "servers/bare.ts");
    return HttpServer.#start(
      "bare Fastify",
      [...RUNTIME, program],
      { BODIES: file, MODE: mode },
      async (url) => {
        return (await fetch(url + path)).ok;
      },
    );
  }

  /** What would run without this project, on one primary; see `servers/baseline.ts`. */
  static baseline(stack: BenchStack, leader: string): Promise<HttpServer> {
    const program = join(import.meta.dirname, "servers/baseline.ts");
    const env = {
      ...stack.environment,
      HOST: "127.0.0.1",
      DB_HOST: leader,
      DB_PORT: String(stack.inside.database(leader).port),
    };
    return HttpServer.#start("the baseline", [program], env, async (url) => {
      return (await fetch(`${url}/balance/nobody`)).ok;
    });
  }

  /** What shows the generator's own limit. */
  static canned(): Promise<HttpServer> {
    const program = join(import.meta.dirname, "servers/canned.ts");
    return HttpServer.#start("the canned answer", [program], {}, async (url) => (await fetch(url)).ok);
  }

  /** Milliseconds from now until a new request is answered within `limitMs`, and with success. */
  async answersWithin(limitMs: number, path: string): Promise<number> {
    const begin = performance.now();
    for (;;) {
      const asked = performance.now();
      const { ok } = await fetch(`http://127.0.0.1:${this.port}${path}`);
      if (ok && performance.now() - asked <= limitMs) return performance.now() - begin;
    }
  }

  async body(path: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`);
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
    return await answer.text();
  }

  /** The API under wrk. @throws Error where answers came from elsewhere than `origin`: that would be a figure of something else */
  variantFrom(
    origin: "l1" | "redis" | "replica",
    name: string,
    stack: BenchStack,
    paths: readonly string[],
  ): Variant {
    const { measure } = this.variant(name, stack, paths);
    return {
      name,
      measure: async (seconds) => {
        const before = await this.#answers(origin);
        const sample = await measure(seconds);
        const after = await this.#answers(origin);
        const share = (after.wanted - before.wanted) / (after.all - before.all);
        if (share < LEAST_SHARE)
          throw new Error(`only ${(share * 100).toFixed(1)} % of the answers of ${name} came from ${origin}`);
        return sample;
      },
    };
  }

  /** Answers to reads so far, from this origin and from all. */
  async #answers(origin: string): Promise<{ wanted: number; all: number }> {
    const counts = await apiCounters(this.port, "dujyo_api_cache_reads_total");
    return {
      wanted: counts.get(origin) ?? 0,
      all: [...counts.values()].reduce((sum, count) => sum + count, 0),
    };
  }

  /** This server under wrk. */
  variant(name: string, stack: BenchStack, paths: readonly string[]): Variant {
    const { port, process: server } = this;
    const { folder } = stack;
    return {
      name,
      measure: (seconds): Promise<Sample> => wrkProcess({ port, requests: paths, server, folder, seconds }),
    };
  }
}

/** Answers of a server by path. */
export async function bodiesOf(
  server: HttpServer,
  paths: readonly string[],
): Promise<Record<string, string>> {
  const bodies: Record<string, string> = {};
  for (const path of paths) bodies[path] = await server.body(path);
  return bodies;
}

/** Ends them all. */
export async function stopAll(servers: readonly HttpServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.process.stop()));
}
