import { readFileSync } from "node:fs";
import fastify from "fastify";
import { HistoryPage } from "../../../service/src/schemas/accounts.ts";

/**
 * Fastify with one route and nothing else. `BODIES` names a file with answers by path; `MODE` says whether they are sent as
 * bytes, as bytes under the headers that the service's answers bear, or serialised through the response schema of a history
 * page each time.
 */
const bodies = JSON.parse(readFileSync(process.env.BODIES ?? "", "utf8")) as Record<string, string>;
const app = fastify();
if (process.env.MODE === "serialise") {
  const pages = new Map(Object.entries(bodies).map(([path, body]) => [path, JSON.parse(body) as unknown]));
  app.get("/transactions/:address", { schema: { response: { 200: HistoryPage } } }, (request, reply) =>
    reply.send(pages.get(request.url)),
  );
} else {
  const same = process.env.MODE === "bytes-and-headers";
  app.get("/*", (request, reply) => {
    if (same)
      reply
        .header("x-request-id", "bench-00000000-1a2b3c")
        .header("x-content-type-options", "nosniff")
        .header("etag", 'W/"1-0-mwxjqvwy"')
        .header("x-cache", "l1")
        .header("age", 7);
    return reply.header("content-type", "application/json; charset=utf-8").send(bodies[request.url]);
  });
}
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
