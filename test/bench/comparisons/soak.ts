import { setTimeout as pause } from "node:timers/promises";
import type { Comparison } from "../comparison.ts";
import { apiCounters } from "../load/api-counters.ts";
import { fillCaches, pathsOf } from "../load/filling.ts";
import { mixedLoad, PAYERS, READERS, WRITERS } from "../load/mixed.ts";
import { WRITE_EVERY } from "../load/traffic.ts";
import type { BenchStack } from "../stack.ts";
import { summarize } from "../statistics.ts";

const ACCOUNTS = 40_000;
/** Half of what two cores carry with one write in twenty (p9, "95/5, knee"). */
const REQUESTS_PER_SECOND = 2_000;
const WRITES_PER_SECOND = REQUESTS_PER_SECOND / WRITE_EVERY;
/** In which all accounts are asked for beforehand. */
const FILLING_SECONDS = 30;
/** Pause between two looks at the process's memory, milliseconds. */
const LOOK_EVERY_MS = 1_000;

const NAME = "soak";

export const soak: Comparison = {
  name: "p14",
  title: "Memory of an API process for ten minutes",
  load: `The whole stack and two wrk on the same cores. ${REQUESTS_PER_SECOND - WRITES_PER_SECOND} reads a second of ${ACCOUNTS} accounts after Zipf from ${READERS} connections, nine balances for one newest page of a history; ${WRITES_PER_SECOND} transfers a second of ${PAYERS} payers in turn from ${WRITERS} connections, each confirmed by a second PostgreSQL member: p9's load with writes, at half of its knee. All connections pause at random; each account has been asked for once beforehand. Rate and latencies are the writes'. Growth: median of the resident memory in the last fifth / in the second fifth.`,
  onRequest: "twelve minutes",
  rounds: 1,
  seconds: 600,
  goals: [
    {
      what: "resident memory of the process at most, MiB",
      figure: "rssMiB",
      of: NAME,
      bound: { atMost: 200 },
    },
    { what: "growth of its memory", figure: "rssGrowth", of: NAME, bound: { atMost: 1.1 } },
    { what: "errors of reads and writes", figure: "errors", of: NAME, bound: { atMost: 0 } },
  ],
  async prepare(stack) {
    const accounts = await stack.accounts(ACCOUNTS);
    await fillCaches(stack, pathsOf(accounts), { seconds: FILLING_SECONDS });
    const load = await mixedLoad(stack, {
      accounts,
      reads: REQUESTS_PER_SECOND - WRITES_PER_SECOND,
      writes: WRITES_PER_SECOND,
    });
    return {
      variants: [
        {
          name: NAME,
          measure: async (seconds) => {
            const memory = watchMemory(stack);
            const loaded = load(seconds);
            // Whatever becomes of the load, the watch ends.
            const seen = loaded.then(memory.stop, memory.stop);
            return { ...(await loaded), ...memoryFigures(await seen) };
          },
        },
      ],
      stop: async () => undefined,
    };
  },
};

/** Reads the process's resident memory again and again, MiB. */
function watchMemory({ connection }: BenchStack): { stop(): Promise<number[]> } {
  const seen: number[] = [];
  const end = new AbortController();
  const watching = (async () => {
    while (!end.signal.aborted) {
      const bytes = (await apiCounters(connection.api.port, "process_resident_memory_bytes")).get("") ?? 0;
      seen.push(bytes / 2 ** 20);
      await pause(LOOK_EVERY_MS, undefined, { signal: end.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      end.abort();
      await watching;
      return seen;
    },
  };
}

/** The most, and how much more the last fifth has than the second one: the first one fills caches. */
export function memoryFigures(seen: readonly number[]): { rssMiB: number; rssGrowth: number } {
  const fifth = (number: number) =>
    summarize(
      seen.slice(Math.floor((seen.length * (number - 1)) / 5), Math.ceil((seen.length * number) / 5)),
    );
  return { rssMiB: Math.max(...seen), rssGrowth: fifth(5).median / fifth(2).median };
}
