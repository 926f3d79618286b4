import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import type { FastifyInstance } from "fastify";

import { etagOf } from "./cache/entry.ts";
import { type AccountView, accountKey } from "./cache/keys.ts";
import { BUSY, type ReadThrough, type Served, type Source } from "./cache/read-through.ts";
import { Problem } from "./errors.ts";
import type { RouteLatency } from "./metrics/latency.ts";
import type { ServiceMetrics } from "./metrics.ts";
import type { Admission } from "./plugins/admission.ts";
import { count } from "./plugins/measure.ts";
import { PROBLEM_TYPE } from "./plugins/problems.ts";
import { networkOf } from "./plugins/rate-limits.ts";
import type { RateLimiter } from "./resilience/rate-limiter.ts";
import { ageOf, JSON_TYPE } from "./routes/serve.ts";
import { IS_ADDRESS } from "./schemas/fields.ts";

export interface FastPathArgs {
  readonly cache: Pick<ReadThrough, "held" | "serveHeld" | "busy" | "get">;
  /** How each view of an account is read. */
  readonly sources: Readonly<Record<AccountView, (address: string) => Source>>;
  readonly metrics: Pick<ServiceMetrics, "answers" | "latencies"> & { refused: number };
  readonly limiter: Pick<RateLimiter, "take">;
  readonly admission: Admission;
  readonly requestId: (request: IncomingMessage) => string;
  /** Address of whom a request comes from, behind the proxies that are trusted. */
  readonly clientOf: (request: IncomingMessage) => string;
  readonly failures: Failures;
}

/** What went wrong ahead of the framework, which answers it. Such a request has been counted by its network address. */
export type Failures = Pick<WeakMap<IncomingMessage, Error>, "get" | "has" | "set">;

/** What comes after this part of the path is the account's address. */
const VIEWS = [
  ["/balance/", "balance"],
  ["/transactions/", "history"],
  ["/balance-detail/", "detail"],
] as const;

/** When a request came, and where its duration is counted. */
interface Timing {
  readonly latency: RouteLatency;
  readonly begin: number;
}

const READS_LINE = new Problem("overloaded", { detail: BUSY });

/** The only path that writes. */
const WRITES = "/transaction";

/**
 * Answers the plain reads of an account ahead of the framework, with the same status, headers and body as the routes (a test
 * compares them), counted and limited alike: what the framework does for a request costs more than an answer that is held.
 * Those and writes are also refused here where they come in too great a number: under a load that can not be answered,
 * refusing has to be cheap, or nothing else is done. All else goes on to it untouched: what has to be seen after a write, other
 * pages, paths written in another way, what is over a limit, whatever comes while draining; and what fails here, to be answered
 * there.
 *
 * The time that is counted ends when the answer is given to the connection. What this process holds is never in flight: it
 * is neither counted there nor refused for it.
 */
export function addFastPath(app: FastifyInstance, args: FastPathArgs): void {
  const { cache, metrics, limiter, admission, requestId, clientOf, failures } = args;
  const routes = VIEWS.map(([prefix, view]) => ({
    ...{ prefix, view, source: args.sources[view] },
    latency: metrics.latencies.route(`${prefix}:address`),
  }));
  const writing = metrics.latencies.route(WRITES);

  const send = (
    request: IncomingMessage,
    response: ServerResponse,
    { entry, origin }: Served,
    { latency, begin }: Timing,
  ): void => {
    const { body, bytes } = entry;
    const etag = etagOf(entry);
    const known = request.headers["if-none-match"] === etag;
    // In one piece: an array that grows is copied.
    // biome-ignore format: names beside their values
    const headers = [
      "x-request-id", requestId(request), "x-content-type-options", "nosniff",
      "etag", etag, "x-cache", origin, "age", String(ageOf(entry)),
      "content-type", JSON_TYPE, "content-length", String(bytes),
    ];
    if (known) response.writeHead(304, headers.slice(0, -4)).end();
    // Plain ASCII is the same in both, and costs less to write as the former.
    else response.writeHead(200, headers).end(body, bytes === body.length ? "latin1" : "utf8");
    count(metrics.answers, latency, { status: known ? 304 : 200, ms: performance.now() - begin });
  };

  const refuse = (
    request: IncomingMessage,
    response: ServerResponse,
    problem: Problem,
    { latency, begin }: Timing,
  ): true => {
    const id = requestId(request);
    const body = JSON.stringify(problem.toDocument(id));
    const headers = ["x-request-id", id, "x-content-type-options", "nosniff"];
    headers.push("retry-after", String(problem.retryAfter), "cache-control", "no-store");
    // The framework names the characters of its answers.
    headers.push(
      "content-type",
      `${PROBLEM_TYPE}; charset=utf-8`,
      "content-length",
      String(Buffer.byteLength(body)),
    );
    response.writeHead(problem.status, headers).end(body);
    metrics.refused++;
    count(metrics.answers, latency, { status: problem.status, ms: performance.now() - begin });
    return true;
  };

  /** @returns whether the answer is given or on its way. */
  const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    const begin = performance.now();
    const { url = "", method, headers } = request;
    if (admission.draining) return false;
    if (method === "POST" && url === WRITES) {
      const refusal = admission.refusal(true);
      return refusal !== undefined && refuse(request, response, refusal, { latency: writing, begin });
    }
    const route = routes.find(({ prefix }) => url.startsWith(prefix));
    if (route === undefined || method !== "GET" || headers["x-read-after"] !== undefined) return false;
    const address = url.slice(route.prefix.length);
    const source = (): Source => route.source(address);
    const key = accountKey(route.view, address);
    const now = Date.now();
    const entry = cache.held(key, 0, now);
    const timing = { latency: route.latency, begin };
    // Nothing is held under what is no address.
    if (entry === undefined) {
      if (!IS_ADDRESS.test(address)) return false;
      const refusal = admission.refusal(false) ?? (cache.busy(key) ? READS_LINE : undefined);
      if (refusal) return refuse(request, response, refusal, timing);
    }
    if (limiter.take(networkOf(clientOf(request)), now) !== 0) return false;
    if (entry !== undefined) {
      cache.serveHeld(entry, source, now);
      send(request, response, { entry, origin: "l1" }, timing);
      return true;
    }
    admission.enter(response);
    cache.get(source()).then(
      (served) => send(request, response, served, timing),
      (error: Error) => {
        failures.set(request, error);
        admission.leave(response);
        framework(request, response);
      },
    );
    return true;
  };

  // The framework has no hook before its router.
  const [listener] = app.server.listeners("request") as RequestListener[];
  if (listener === undefined) throw new Error("the framework does not listen to its server's requests");
  const framework = listener;
  app.server.off("request", framework);
  app.server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (!answer(request, response)) framework(request, response);
  });
  app.addHook("preHandler", (request, _reply, done) => done(failures.get(request.raw)));
}
