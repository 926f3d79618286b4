import type { Comparison } from "../comparison.ts";
import { bodiesOf, HttpServer, stopAll } from "../servers.ts";

const ACCOUNTS = 50;
/** More than a page has. */
const TRANSACTIONS = 51;

export const historyPage: Comparison = {
  name: "p3",
  title: "A page of 50 transactions from the cache, against serialising it",
  load: `wrk, 64 connections, one request at a time on each, first pages of ${ACCOUNTS} accounts in turn; no writes. "serialise" is bare Fastify with the objects in memory and the response schema of the same page.`,
  goals: [
    {
      ...{ what: "throughput from the cache / through the response schema", figure: "perSecond" },
      ...{ of: "cache", against: "serialise", bound: { atLeast: 2.5 } },
    },
  ],
  async prepare(stack) {
    const paths = (await stack.accounts(ACCOUNTS, TRANSACTIONS)).map((address) => `/transactions/${address}`);
    const api = await HttpServer.api(stack);
    const bare = await HttpServer.bare(stack, await bodiesOf(api, paths), "serialise");
    return {
      variants: [api.variantFrom("l1", "cache", stack, paths), bare.variant("serialise", stack, paths)],
      stop: () => stopAll([api, bare]),
    };
  },
};
