import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** What is known of the route. Noted once: the framework makes `routeOptions` anew each time it is asked for. */
    routeConfig: FastifyContextConfig;
  }
}

/** What every request gets first. Call it before all other hooks are added. */
export function addArrival(app: FastifyInstance): void {
  app.decorateRequest("routeConfig");
  app.addHook("onRequest", (request, reply, done) => {
    request.routeConfig = request.routeOptions.config;
    addCommonHeaders(request, reply);
    done();
  });
}

/** Headers that every answer bears; set early, since a hook on what is sent costs more. */
export function addCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header("x-request-id", request.id);
  // A browser takes an answer for what its type says, and for nothing else.
  reply.header("x-content-type-options", "nosniff");
}
