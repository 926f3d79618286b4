import type { FastifyReply, FastifyRequest } from "fastify";

import { type CacheEntry, etagOf } from "../cache/entry.ts";
import type { ReadThrough, Served } from "../cache/read-through.ts";
import { parseReadAfter } from "../read-after.ts";
import type { ViewSource } from "../repositories/view.ts";

export const JSON_TYPE = "application/json; charset=utf-8";

/** Seconds since an entry's content was known to be current. */
export function ageOf({ readAt }: CacheEntry, now = Date.now()): number {
  return Math.max(Math.floor((now - readAt) / 1000), 0);
}

/** Sends an answer's text as it is, and says where they came from and how old they are. */
export function send(request: FastifyRequest, reply: FastifyReply, { entry, origin }: Served): FastifyReply {
  const etag = etagOf(entry);
  reply.header("etag", etag).header("x-cache", origin).header("age", ageOf(entry));
  if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  return reply.header("content-type", JSON_TYPE).send(entry.body);
}

/**
 * Reads an account's view. With `X-Read-After`, an answer from wherever it is known to have seen that write: what the
 * caches hold if its version shows it, else a node that has replayed it.
 */
export async function read(
  request: FastifyRequest,
  cache: ReadThrough,
  source: ViewSource,
  address: string,
): Promise<Served> {
  const token = request.headers["x-read-after"];
  if (typeof token !== "string") return await cache.get(source);
  const { lsn, versions } = parseReadAfter(token);
  const version = versions.get(address);
  if (version !== undefined) {
    const served = await cache.get(source, version);
    if (served.entry.version >= version) return served;
  }
  return cache.absorb(source, await source.loadAfter(lsn));
}
