import { randomBytes } from "node:crypto";
import { type IncomingMessage, maxHeaderSize, type Server } from "node:http";
import type { Server as SecureServer, ServerOptions } from "node:https";

import proxyAddress from "@fastify/proxy-addr";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";

import type { ServiceConfig } from "./config.ts";
import { addFastPath, type Failures } from "./fast-path.ts";
import { FollowedFiles } from "./followed-files.ts";
import { withLazyChildren } from "./logger.ts";
import type { ServiceMetrics } from "./metrics.ts";
import { addAccessLog } from "./plugins/access-log.ts";
import { Admission, type AdmissionArgs, addAdmission, type Lifecycle } from "./plugins/admission.ts";
import { addArrival, addCommonHeaders } from "./plugins/arrival.ts";
import { addCallers, createAuthentication, type KeyRing } from "./plugins/authentication.ts";
import { addMeasuring } from "./plugins/measure.ts";
import { addOpenApi } from "./plugins/openapi.ts";
import { addProblems, sendClientProblem, sendProblem, translate } from "./plugins/problems.ts";
import { addRateLimits, type RateLimitArgs } from "./plugins/rate-limits.ts";
import { addValidation } from "./plugins/validation.ts";
import { type AdminRoutesArgs, addAdmin } from "./routes/admin.ts";
import { addBalances } from "./routes/balances.ts";
import { addChain } from "./routes/chain.ts";
import { addHealth, type HealthRoutesArgs } from "./routes/health.ts";
import { addMetrics, type MetricsRoutesArgs } from "./routes/metrics.ts";
import { addSubmit, type SubmitRoutesArgs } from "./routes/submit.ts";
import { addTransactions, type TransactionRoutesArgs } from "./routes/transactions.ts";

/** What the routes work with. */
export interface AppServices
  extends Omit<TransactionRoutesArgs, "count">,
    Pick<AdminRoutesArgs, "diagnostics">,
    Pick<HealthRoutesArgs, "unready">,
    Pick<MetricsRoutesArgs, "registry" | "container">,
    Pick<SubmitRoutesArgs, "submit"> {
  readonly balances: Parameters<typeof addBalances>[1]["balances"];
  readonly chain: Parameters<typeof addChain>[1]["chain"];
  readonly metrics: ServiceMetrics;
  readonly lifecycle: Lifecycle;
  readonly keys: KeyRing;
  readonly limiters: RateLimitArgs["limiters"];
  readonly writer: AdmissionArgs["writer"];
}

export type AppConfig = Pick<
  ServiceConfig,
  "limits" | "auth" | "instance" | "tls" | "accessLog" | "trustedProxies"
>;

/** Longer than any balancer in front keeps a connection, so that it is never this end that closes one in use. */
const KEEP_ALIVE_MS = 75_000;
/** A new certificate is shown within this time. */
const CERTIFICATE_LOOK_MS = 2_000;

/** The HTTP side of the service, not yet listening. */
export async function buildApp(
  config: AppConfig,
  services: AppServices,
  logger: FastifyBaseLogger,
): Promise<FastifyInstance> {
  const { metrics, lifecycle, keys, limiters, balances, histories } = services;
  const nextId = requestIds(config.instance);
  const requestId = ({ headers }: IncomingMessage): string => {
    const given = headers["x-request-id"];
    return typeof given === "string" && /^[\w.:-]{1,64}$/.test(given) ? given : nextId();
  };
  // Each proxy adds whom it was asked by; what a client writes there itself stands before that and counts for nothing.
  const trusts = (_address: string, hop: number): boolean => hop < config.trustedProxies;
  const app = fastify<Server>({
    // A TLS server is an HTTP server to everything but its types.
    ...({ https: config.tls ? tlsOptions(config.tls) : null } as object),
    loggerInstance: withLazyChildren(logger),
    // Two lines per request cost more than answering it; failures and slow requests are logged where they are seen.
    logController: new LogController({ disableRequestLogging: true }),
    // What still arrives on open connections while closing is answered like everything before.
    return503OnClosing: false,
    trustProxy: config.trustedProxies > 0 && trusts,
    bodyLimit: config.limits.bodyBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: 30_000,
    forceCloseConnections: "idle",
    // URLs that can not be decoded are found before routing, outside the usual error handler.
    frameworkErrors: (error, request, reply) => {
      addCommonHeaders(request, reply);
      sendProblem(request, reply, translate(error));
    },
    clientErrorHandler: (error, socket) => sendClientProblem(error, socket, nextId()),
    // Above what a URL can hold: how long a parameter may be is said by its schema, which names it.
    routerOptions: { maxParamLength: maxHeaderSize },
    genReqId: requestId,
  });

  if (config.tls) followCertificate(app, config.tls);
  addArrival(app);
  addProblems(app);
  addValidation(app);
  addMeasuring(app, metrics);
  addCallers(app);
  addAccessLog(app, config.accessLog);
  const admission = new Admission({ limit: config.limits.inFlight, lifecycle, writer: services.writer });
  addAdmission(app, admission, () => metrics.refused++);
  metrics.inFlight = { running: () => admission.running, limit: admission.limit };
  const failures: Failures = new WeakMap();
  const limitPrincipal = addRateLimits(app, {
    limiters,
    isCounted: (request) => failures.has(request),
    onLimited: (by) => metrics.limited[by]++,
  });
  await addOpenApi(app);

  const authenticate = createAuthentication({ ...config.auth, keys });
  addHealth(app, services);
  addMetrics(app, services);
  addBalances(app, services);
  addTransactions(app, { ...services, count: (origin) => metrics.reads[origin]++ });
  addChain(app, services);
  addSubmit(app, {
    submit: services.submit,
    authenticate,
    limitPrincipal,
    onBooked: () => metrics.bookings++,
  });
  addAdmin(app, {
    diagnostics: services.diagnostics,
    authenticate: config.auth.admin ? authenticate : undefined,
    limitPrincipal,
  });
  // A log of every request is written by the framework's hooks.
  if (config.accessLog.requests !== "all")
    addFastPath(app, {
      ...services,
      sources: {
        balance: (address) => balances.balance(address),
        detail: (address) => balances.detail(address),
        history: (address) => histories.head(address),
      },
      ...{ limiter: limiters.address, admission, failures, requestId },
      clientOf:
        config.trustedProxies > 0
          ? (request) => proxyAddress(request, trusts)
          : ({ socket }) => socket.remoteAddress ?? "",
    });
  return app;
}

interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** 1.3 with whoever speaks it, as everything of this stack does; 1.2 for clients of other makes. */
function tlsOptions({ certificate, key }: KeyPair): ServerOptions {
  return { cert: certificate, key, minVersion: "TLSv1.2" };
}

/** Shows a new certificate to whoever connects after its files have changed; open connections go on. Ends with the server. */
function followCertificate(app: FastifyInstance, { files }: NonNullable<AppConfig["tls"]>): void {
  const followed = new FollowedFiles({
    paths: [files.certificate, files.key],
    everyMs: CERTIFICATE_LOOK_MS,
    use: ([certificate = "", key = ""]) => {
      (app.server as unknown as SecureServer).setSecureContext(tlsOptions({ certificate, key }));
      app.log.info("connections get another certificate from now on");
    },
    onError: (error) =>
      // As between the writing of the one and of the other; the next change has both read again.
      app.log.warn({ reason: String(error) }, "certificate and key do not fit; the former stay"),
  });
  followed.start();
  app.addHook("onClose", async () => followed.stop());
}

/** Unique within the fleet without asking anyone, and cheap: a number under a name drawn once. */
function requestIds(instance: string): () => string {
  const prefix = `${instance}-${randomBytes(4).toString("hex")}-`;
  let last = 0;
  return () => prefix + (++last).toString(36);
}
