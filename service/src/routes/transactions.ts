import type { FastifyInstance } from "fastify";

import { accountKey } from "../cache/keys.ts";
import type { ReadThrough } from "../cache/read-through.ts";
import type { NodeReader } from "../database/node-reader.ts";
import { invalidField, Problem } from "../errors.ts";
import { parseReadAfter } from "../read-after.ts";
import { type Histories, PAGE_SIZE, type PageRequest } from "../repositories/history.ts";
import { findTransaction } from "../repositories/transactions.ts";
import { AddressParams, HashParams, HistoryPage, HistoryQuery, Transaction } from "../schemas/accounts.ts";
import { cachedResponses, ReadHeaders, responses } from "../schemas/fields.ts";
import { read, send } from "./serve.ts";

export interface TransactionRoutesArgs {
  readonly cache: ReadThrough;
  readonly histories: Histories;
  readonly reader: NodeReader;
  readonly count: (origin: "replica" | "primary") => void;
}

/** `GET /transactions/:address` and `GET /transactions/hash/:hash`. */
export function addTransactions(
  app: FastifyInstance,
  { cache, histories, reader, count }: TransactionRoutesArgs,
): void {
  app.get<{ Params: { address: string }; Querystring: PageRequest }>(
    "/transactions/:address",
    {
      schema: {
        params: AddressParams,
        headers: ReadHeaders,
        querystring: HistoryQuery,
        response: cachedResponses(HistoryPage),
      },
    },
    async (request, reply) => {
      const { address } = request.params;
      const { before, after, limit } = request.query;
      const head = before === undefined && after === undefined && limit === PAGE_SIZE;
      if (head) {
        const source = () => histories.head(address);
        const held =
          request.headers["x-read-after"] === undefined
            ? cache.peek(accountKey("history", address), source)
            : undefined;
        return send(request, reply, held ?? (await read(request, cache, source(), address)));
      }
      if (before !== undefined && after !== undefined)
        throw invalidField("after", "can not be combined with before");
      const source = histories.page(address, request.query);
      const token = request.headers["x-read-after"];
      const loaded = await (typeof token === "string"
        ? source.loadAfter(parseReadAfter(token).lsn)
        : source.load("any"));
      // Further pages are asked for once: caching them would push out what is asked for often.
      count(loaded.from);
      return reply
        .header("x-cache", loaded.from)
        .header("content-type", "application/json; charset=utf-8")
        .send(loaded.body);
    },
  );

  app.get<{ Params: { hash: string } }>(
    "/transactions/hash/:hash",
    { schema: { params: HashParams, headers: ReadHeaders, response: responses(Transaction, 404) } },
    async (request, reply) => {
      const token = request.headers["x-read-after"];
      const after = typeof token === "string" ? parseReadAfter(token).lsn : undefined;
      const found = await findTransaction(reader, request.params.hash, after);
      count(found.from);
      if (!found.transaction) throw new Problem("not_found", { detail: "no transaction has this hash" });
      return reply.header("x-cache", found.from).send(found.transaction);
    },
  );
}
