import type { Comparison, Variant } from "../comparison.ts";
import { redisCommands } from "../load/redis.ts";
import { bodiesOf, HttpServer, stopAll } from "../servers.ts";

const ACCOUNTS = 1_000;
const WITHOUT_L1 = { CACHE_L1_BYTES: "0" };
/** Simultaneous requests for one address share a command; here hardly any do. */
const LEAST_COMMANDS = 0.95;

export const fromRedis: Comparison = {
  name: "p2",
  title: "A balance from Redis, against bare Fastify",
  load: `wrk, 64 connections, one request at a time on each, ${ACCOUNTS} addresses in turn; no writes. The process's own cache is off.`,
  goals: [
    {
      ...{ what: "throughput from Redis / of bare Fastify with the same bytes", figure: "perSecond" },
      ...{ of: "redis", against: "fastify", bound: { atLeast: 0.4 } },
    },
    {
      ...{ what: "Redis commands per request", figure: "commands", of: "redis" },
      // Heartbeats and figures of this process and of the stack's own are counted too.
      bound: { atMost: 1.05 },
    },
  ],
  async prepare(stack) {
    const paths = (await stack.accounts(ACCOUNTS)).map((address) => `/balance/${address}`);
    const api = await HttpServer.api(stack, WITHOUT_L1);
    const bare = await HttpServer.bare(stack, await bodiesOf(api, paths), "bytes");
    const http = api.variantFrom("redis", "redis", stack, paths);
    const redis: Variant = {
      name: "redis",
      async measure(seconds) {
        const before = await redisCommands(stack);
        const sample = await http.measure(seconds);
        const requests = (sample.perSecond ?? 0) * seconds;
        const commands = ((await redisCommands(stack)) - before) / requests;
        if (commands < LEAST_COMMANDS)
          throw new Error(`answers came from elsewhere: ${commands.toFixed(2)} Redis commands a request`);
        return { ...sample, commands };
      },
    };
    return { variants: [redis, bare.variant("fastify", stack, paths)], stop: () => stopAll([api, bare]) };
  },
};
