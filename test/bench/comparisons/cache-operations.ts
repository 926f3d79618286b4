import type { Comparison, Variant } from "../comparison.ts";
import { startScratchRedis } from "../load/scratch-redis.ts";
import { worker } from "../load/worker.ts";
import { GENERATOR_CORE } from "../processes.ts";

const KEYS = 1_000;
const IN_FLIGHT = 256;

export const cacheOperations: Comparison = {
  name: "p6",
  title: "Cache operations of one process, against redis-benchmark",
  load: `Reads of ${KEYS} entries of a balance on one Redis node with the stack's image, certificates and cluster mode. "service": the service's cache port, one connection, ${IN_FLIGHT} reads in flight. "redis-benchmark": GET of the same keys at random, 50 connections, 16 in a pipeline. TLS both. No writes.`,
  goals: [
    {
      ...{ what: "reads of a process through the cache port / redis-benchmark -P 16", figure: "perSecond" },
      ...{ of: "service", against: "redis-benchmark", bound: { atLeast: 0.15 } },
    },
    {
      ...{ what: "reads of a process a second", figure: "perSecond", of: "service" },
      bound: { atLeast: 50_000 },
    },
  ],
  async prepare(stack) {
    const redis = await startScratchRedis();
    const service = worker("service", "cache-reads.ts", {
      ...stack.environment,
      ...redis.environment,
      ...{ KEYS: String(KEYS), IN_FLIGHT: String(IN_FLIGHT) },
    });
    let expected = 100_000;
    const benchmark: Variant = {
      name: "redis-benchmark",
      async measure(seconds) {
        // It counts requests, not seconds: as many as took so long the last time.
        const count = Math.ceil(expected * seconds);
        const output = await redis.run(
          "redis-benchmark",
          [
            ...["-n", String(count), "-c", "50", "-P", "16", "-q"],
            ...["-r", String(KEYS), "GET", "bench:{__rand_int__}"],
          ],
          ["--cpuset-cpus", GENERATOR_CORE],
        );
        const perSecond = Number(/([\d.]+) requests per second/.exec(output.split("\r").at(-1) ?? "")?.[1]);
        expected = perSecond;
        return { perSecond };
      },
    };
    // The service writes the entries that both read.
    return { variants: [service, benchmark], stop: redis.stop };
  },
};
