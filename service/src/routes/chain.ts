import type { FastifyInstance } from "fastify";

import type { ReadThrough } from "../cache/read-through.ts";
import { Problem } from "../errors.ts";
import type { Chain } from "../repositories/chain.ts";
import { Blocks, BlocksQuery, DexPool, Holders, HoldersQuery, PoolParams, Stats } from "../schemas/chain.ts";
import { CachedHeaders, cachedResponses } from "../schemas/fields.ts";
import { send } from "./serve.ts";

/** Pages whose first answer is asked for over and over, in the usual size; others would fill the cache with variants. */
const USUAL_BLOCKS = 10;

/** `GET /blocks`, `/stats`, `/holders/top`, `/pool/:id`. */
export function addChain(app: FastifyInstance, { cache, chain }: { cache: ReadThrough; chain: Chain }): void {
  app.get<{ Querystring: { before?: string; limit: number } }>(
    "/blocks",
    { schema: { headers: CachedHeaders, querystring: BlocksQuery, response: cachedResponses(Blocks) } },
    async (request, reply) => {
      const { before, limit } = request.query;
      const source = chain.blocks(before, limit);
      if (before === undefined && limit === USUAL_BLOCKS)
        return send(request, reply, await cache.get(source));
      const loaded = await source.load("any");
      return reply
        .header("x-cache", loaded.from)
        .header("content-type", "application/json; charset=utf-8")
        .send(loaded.body);
    },
  );

  app.get(
    "/stats",
    { schema: { headers: CachedHeaders, response: cachedResponses(Stats) } },
    async (request, reply) => send(request, reply, await cache.get(chain.stats())),
  );

  app.get<{ Querystring: { limit: number } }>(
    "/holders/top",
    { schema: { headers: CachedHeaders, querystring: HoldersQuery, response: cachedResponses(Holders) } },
    async (request, reply) => send(request, reply, await cache.get(chain.holders(request.query.limit))),
  );

  app.get<{ Params: { id: string } }>(
    "/pool/:id",
    { schema: { params: PoolParams, headers: CachedHeaders, response: cachedResponses(DexPool, 404) } },
    async (request, reply) => {
      const served = await cache.get(chain.pool(request.params.id));
      if (served.entry.kind === "absent") throw new Problem("not_found", { detail: "no pool has this id" });
      return send(request, reply, served);
    },
  );
}
