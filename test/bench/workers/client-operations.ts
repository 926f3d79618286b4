import type { CachePort } from "../../../service/src/cache/port.ts";
import { RedisCache } from "../../../service/src/cache/redis-cache.ts";
import type { ScriptedRedis } from "../../../service/src/cache/redis-client.ts";
import { readConfig } from "../../../service/src/config.ts";
import { createBreaker } from "../../../service/src/resilience/circuit-breaker.ts";
import { CLIENTS } from "./cache-clients.ts";
import { drive } from "./drive.ts";
import { SAMPLE_ENTRY } from "./sample-entry.ts";

/**
 * Works on `KEYS` entries through the service's cache port with the client that `CLIENT` names, `IN_FLIGHT` at once. `OPERATION`
 * says at what: `reads`, or `refills`, which take the lease of a key and store it.
 */
const config = readConfig();
const connect = CLIENTS[process.env.CLIENT ?? ""];
if (!connect)
  throw new Error(`CLIENT is "${process.env.CLIENT}"; there are ${Object.keys(CLIENTS).join(", ")}`);
const client = (await connect(config)) as ScriptedRedis;
const breaker = createBreaker({
  ...{ name: "redis", ...config.breaker, counts: () => true },
  probe: () => client.get("probe"),
});
const cache: CachePort = new RedisCache(
  () => client,
  () => breaker,
  client,
);

const keys = Array.from({ length: Number(process.env.KEYS) }, (_, at) => `bench:{${at}}`);
await Promise.all(keys.map((key) => cache.fill(key, SAMPLE_ENTRY, 3_600_000, "")));

const operations: Readonly<Record<string, (number: number) => Promise<void>>> = {
  reads: async (number) => {
    const found = await cache.get(keys[number % keys.length] as string);
    if (found?.version !== SAMPLE_ENTRY.version) throw new Error("the cache lost an entry");
  },
  refills: async (number) => {
    const key = keys[number % keys.length] as string;
    const { granted } = await cache.lease(key, "bench", 3_000);
    if (!granted) throw new Error("somebody else has the lease");
    if (await cache.fill(key, SAMPLE_ENTRY, 3_600_000, "bench"))
      throw new Error("a newer entry stood in the way");
  },
};
const operation = operations[process.env.OPERATION ?? ""];
if (!operation) throw new Error(`OPERATION is "${process.env.OPERATION}"; there are reads, refills`);
await drive(operation, Number(process.env.IN_FLIGHT));
