import { connectCache } from "../../../service/src/cache/connect.ts";
import { L1Cache } from "../../../service/src/cache/l1.ts";
import { readConfig } from "../../../service/src/config.ts";
import { drive } from "./drive.ts";
import { SAMPLE_ENTRY } from "./sample-entry.ts";

/** Reads entries through the service's cache port: `KEYS` of them, under the names that redis-benchmark makes, `IN_FLIGHT` at once. */
const config = readConfig();
const { cache } = connectCache(config, new L1Cache(0), () => undefined);
const keys = Array.from(
  { length: Number(process.env.KEYS) },
  (_, at) => `bench:{${String(at).padStart(12, "0")}}`,
);

const deadline = Date.now() + 10_000;
for (;;) {
  // The client takes no command before it knows the cluster.
  const failure = await cache.fill(keys[0] as string, SAMPLE_ENTRY, 3_600_000, "").then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure === undefined) break;
  if (Date.now() > deadline) throw failure;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
await Promise.all(keys.map((key) => cache.fill(key, SAMPLE_ENTRY, 3_600_000, "")));

await drive(async (number) => {
  const found = await cache.get(keys[number % keys.length] as string);
  if (found?.version !== SAMPLE_ENTRY.version) throw new Error("the cache lost an entry");
}, Number(process.env.IN_FLIGHT));
