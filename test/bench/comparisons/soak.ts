import { setTimeout as pause } from "node:timers/promises";
import { Random } from "../../../tools/data/random.ts";
import type { Comparison, Variant } from "../comparison.ts";
import { apiCounters } from "../load/api-counters.ts";
import { fillCaches, pathsOf } from "../load/filling.ts";
import { choosePayers, readNonces } from "../load/payers.ts";
import { Traffic } from "../load/traffic.ts";
import { wrk } from "../load/wrk.ts";
import type { BenchStack } from "../stack.ts";
import { summarize } from "../statistics.ts";

const ACCOUNTS = 40_000;
const PAYERS = 1_000;
/** What a million daily users send at their peak; see docs/capacity.md. */
const WRITES_PER_SECOND = 230;
/** With the writes about 70 % of what two cores carry (p9, "95/5, knee"): the nineteen reads for each write take more of them. */
const READS_PER_SECOND = 8 * WRITES_PER_SECOND;
/** Users, who pause between their requests. */
const READERS = 256;
const WRITERS = 64;
/** In which all accounts are asked for beforehand. */
const FILLING_SECONDS = 30;
/** Pause between two looks at the process's memory, milliseconds. */
const LOOK_EVERY_MS = 1_000;

const NAME = "soak";

export const soak: Comparison = {
  name: "p14",
  title: "Memory of an API process, and writes with a quorum, for ten minutes",
  load: `The whole stack and two wrk on the same cores. ${READS_PER_SECOND} reads a second of ${ACCOUNTS} accounts after Zipf from ${READERS} connections, nine balances for one newest page of a history; ${WRITES_PER_SECOND} transfers a second of ${PAYERS} payers in turn from ${WRITERS} connections, each confirmed by a second PostgreSQL member. All connections pause at random; each account has been asked for once beforehand. Rate and latencies are the writes'. Growth: median of the resident memory in the last fifth / in the second fifth.`,
  onRequest: "eleven minutes",
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
    // The pauses leave the time of an answer out: a little less is sent than asked for.
    {
      ...{ what: "writes a second", figure: "perSecond", of: NAME },
      bound: { atLeast: WRITES_PER_SECOND * 0.95 },
    },
    { what: "p99 of the writes, ms", figure: "p99", of: NAME, bound: { atMost: 200 } },
    { what: "errors of reads and writes", figure: "errors", of: NAME, bound: { atMost: 0 } },
  ],
  async prepare(stack) {
    const accounts = await stack.accounts(ACCOUNTS);
    const payers = await choosePayers(stack, PAYERS);
    await fillCaches(stack, pathsOf(accounts), { seconds: FILLING_SECONDS });
    const random = new Random(Date.now(), "traffic");
    const variant: Variant = {
      name: NAME,
      measure: async (seconds) => {
        await readNonces(stack, payers);
        const traffic = new Traffic({ accounts, payers, random });
        const memory = watchMemory(stack);
        const common = { ...stack.inside.gateway, folder: stack.folder, seconds };
        const load = Promise.all([
          wrk({
            ...{ ...common, requests: traffic.requests(500_000, false) },
            ...{ connections: READERS, pauseMs: (READERS * 1_000) / READS_PER_SECOND },
          }),
          wrk({
            ...{ ...common, requests: traffic.writes(seconds * WRITES_PER_SECOND * 2) },
            ...{ connections: WRITERS, pauseMs: (WRITERS * 1_000) / WRITES_PER_SECOND },
          }),
        ]);
        // Whatever becomes of the load, the watch ends.
        const seen = load.then(memory.stop, memory.stop);
        const [reads, writes] = await load;
        const { perSecond, mean, p50, p95, p99 } = writes;
        const errors = reads.errors + writes.errors;
        return { ...{ perSecond, mean, p50, p95, p99, errors }, ...memoryFigures(await seen) };
      },
    };
    return { variants: [variant], stop: async () => undefined };
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
