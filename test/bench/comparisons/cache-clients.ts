import type { Comparison, Goal } from "../comparison.ts";
import { startScratchRedis } from "../load/scratch-redis.ts";
import { worker } from "../load/worker.ts";

const KEYS = 1_000;
/** Operations at once. */
const IN_FLIGHT = { reads: 256, refills: 64, single: 1 } as const;
type Load = keyof typeof IN_FLIGHT;

const CHOSEN = "ioredis";
const OTHERS = ["iovalkey", "node-redis", "valkey-glide"];

const nameOf = (client: string, load: Load) => `${client}, ${load}`;

export const cacheClients: Comparison = {
  name: "clients",
  title: "Clients of the cache behind the service's port",
  load: `The service's cache port and one process with ${CHOSEN}, which it uses, and with ${OTHERS.join(", ")}; one Redis node with the stack's image, certificates and cluster mode, one connection, TLS, a limit of time for each command. "reads": ${KEYS} entries of a balance in turn, ${IN_FLIGHT.reads} reads in flight; "single": one. "refills": the lease of an entry, then the entry, ${IN_FLIGHT.refills} in flight.`,
  onRequest: "five minutes",
  goals: OTHERS.flatMap((other) =>
    (["reads", "single", "refills"] as const).map(
      (load): Goal => ({
        ...{ what: `${load}: ${CHOSEN} / ${other}`, figure: "perSecond" },
        // Below half of another one it would be the wrong choice.
        ...{ of: nameOf(CHOSEN, load), against: nameOf(other, load), bound: { atLeast: 0.5 } },
      }),
    ),
  ),
  async prepare(stack) {
    const redis = await startScratchRedis();
    return {
      variants: (["reads", "single", "refills"] as const).flatMap((load) =>
        [CHOSEN, ...OTHERS].map((client) =>
          worker(nameOf(client, load), "client-operations.ts", {
            ...{ ...stack.environment, ...redis.environment, CLIENT: client },
            OPERATION: load === "refills" ? "refills" : "reads",
            ...{ KEYS: String(KEYS), IN_FLIGHT: String(IN_FLIGHT[load]) },
          }),
        ),
      ),
      stop: redis.stop,
    };
  },
};
