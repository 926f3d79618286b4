import type { Comparison } from "../comparison.ts";
import { bodiesOf, HttpServer, stopAll } from "../servers.ts";

const ACCOUNTS = 1_000;

export const l1Hit: Comparison = {
  name: "p1",
  title: "A balance from the process's own cache, against bare Fastify",
  load: `wrk, 64 connections, one request at a time on each, ${ACCOUNTS} addresses in turn; no writes. All production features on. "fastify" sends the same body under the same headers, "body" the body alone; "canned" answers without reading and shows the generator's limit.`,
  goals: [
    {
      ...{ what: "throughput of an L1 hit / of bare Fastify with the same answer", figure: "perSecond" },
      ...{ of: "api", against: "fastify", bound: { atLeast: 0.9 } },
    },
    {
      ...{ what: "throughput of an L1 hit / of bare Fastify with the body alone", figure: "perSecond" },
      ...{ of: "api", against: "body", bound: { atLeast: 0.9 } },
    },
    {
      ...{ what: "CPU per request of an L1 hit / of bare Fastify", figure: "cpuMicros" },
      ...{ of: "api", against: "fastify", bound: { atMost: 1.3 } },
    },
  ],
  async prepare(stack) {
    const paths = (await stack.accounts(ACCOUNTS)).map((address) => `/balance/${address}`);
    const api = await HttpServer.api(stack);
    const bodies = await bodiesOf(api, paths);
    const fastify = await HttpServer.bare(stack, bodies, "bytes-and-headers");
    const body = await HttpServer.bare(stack, bodies, "bytes");
    const canned = await HttpServer.canned();
    return {
      variants: [
        api.variantFrom("l1", "api", stack, paths),
        fastify.variant("fastify", stack, paths),
        body.variant("body", stack, paths),
        canned.variant("canned", stack, paths),
      ],
      stop: () => stopAll([api, fastify, body, canned]),
    };
  },
};
