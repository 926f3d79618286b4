import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";

import { VERSION } from "../version.ts";

/** Describes the routes that are registered after it, from the schemas that validate them. */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Dujyo ledger API", version: VERSION, description: "Amounts are integer micro-DYO." },
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } } },
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
}
