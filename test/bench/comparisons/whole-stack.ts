import { Random } from "../../../tools/data/random.ts";
import type { Comparison, Goal, Sample, Variant } from "../comparison.ts";
import { apiCounters } from "../load/api-counters.ts";
import { databaseCalls } from "../load/database-calls.ts";
import { fillCaches, pathsOf } from "../load/filling.ts";
import { choosePayers, readNonces } from "../load/payers.ts";
import { EXPONENT, type Payer, Traffic, WRITE_EVERY } from "../load/traffic.ts";
import { wrk } from "../load/wrk.ts";
import type { BenchStack } from "../stack.ts";

/** Asked for, and paid to. */
const ACCOUNTS = 40_000;
/** So many that a payer's last transfer is over when its next one comes. */
const PAYERS = 1_000;
/** Where the knee is looked for: the most requests a second of these, without a refusal if there is such a one. */
const STEPS = [16, 64, 256];
/** In which all of them are asked for. */
const FILLING_SECONDS = 30;
/** Of the knee, what the stack is to be run at. */
export const SHARE_OF_KNEE = 0.7;
/** Users at that rate, who pause between their requests. */
const USERS = 256;
/** No stack on two cores answers more; requests with writes must not come round again. */
const MOST_PER_SECOND = 25_000;

/** The variants' names, which goals and the capacity's figures go by. */
export const KNEE = { reads: "read-only, knee", mixed: "95/5, knee" } as const;
const BELOW = { reads: "read-only, 70 % of it", mixed: "95/5, 70 % of it" } as const;

const latencies = (of: string): Goal[] => [
  { what: `mean of ${of}, ms`, figure: "mean", of, bound: { atMost: 5 } },
  { what: `p95 of ${of}, ms`, figure: "p95", of, bound: { atMost: 10 } },
  { what: `p99 of ${of}, ms`, figure: "p99", of, bound: { atMost: 20 } },
  { what: `cache hits of ${of}`, figure: "hitRatio", of, bound: { atLeast: 0.9 } },
  { what: `database calls per read of ${of}`, figure: "callsPerRead", of, bound: { atMost: 0.1 } },
];

export const wholeStack: Comparison = {
  name: "p9",
  title: "The whole stack and its load generator on the same cores",
  load: `wrk over HTTP to the gateway, which asks one API process over TLS; Redis, pooler, router and two PostgreSQL members beside them. ${ACCOUNTS} accounts after Zipf (exponent ${EXPONENT}), nine balances for one newest page of a history; "95/5": one request in ${WRITE_EVERY} is a transfer of one of ${PAYERS} payers in turn to an account by the same law. Entries live ten minutes, longer than the run; each account's have been asked for once beforehand. "knee": the best of ${STEPS.join(", ")} connections without a refusal, one request at a time on each. "70 % of it": ${USERS} connections that pause at random before each request, so long that they send 70 % of the round's knee.`,
  seconds: 8,
  goals: [
    { what: "requests a second, read-only", figure: "perSecond", of: KNEE.reads, bound: { atLeast: 10_000 } },
    ...latencies(BELOW.reads),
    ...latencies(BELOW.mixed),
    {
      ...{ what: "database calls per write", figure: "callsPerWrite", of: BELOW.mixed },
      bound: { atMost: 1.01 },
    },
    ...[...Object.values(KNEE), ...Object.values(BELOW)].map(
      (of): Goal => ({ what: `errors, ${of}`, figure: "errors", of, bound: { atMost: 0 } }),
    ),
  ],
  async prepare(stack) {
    const payers = await choosePayers(stack, PAYERS);
    const accounts = await stack.accounts(ACCOUNTS);
    await fillCaches(stack, pathsOf(accounts), { seconds: FILLING_SECONDS });
    const traffic = new Traffic({
      accounts,
      payers,
      // Other requests each time: an idempotency key is used once.
      random: new Random(Date.now(), "traffic"),
    });
    const variants = (["reads", "mixed"] as const).flatMap((kind) => pair({ stack, traffic, payers, kind }));
    return { variants, stop: async () => undefined };
  },
};

interface PairArgs {
  readonly stack: BenchStack;
  readonly traffic: Traffic;
  readonly payers: readonly Payer[];
  readonly kind: "reads" | "mixed";
}

/** The knee, and the load below it that the same round's knee decides. */
function pair({ stack, traffic, payers, kind }: PairArgs): Variant[] {
  const writes = kind === "mixed";
  let knee = 0;
  const measure = async (connections: number, seconds: number, pauseMs = 0): Promise<Sample> => {
    // Before the counters are read: making them takes a while.
    if (writes) await readNonces(stack, payers);
    const requests = traffic.requests(seconds * MOST_PER_SECOND, writes);
    const before = await counters(stack);
    const figures = await wrk({
      ...{ ...stack.inside.gateway, requests, folder: stack.folder, seconds, connections, pauseMs },
    });
    const after = await counters(stack);
    const { requests: answered, perSecond, errors, mean, p50, p95, p99, generatorShare } = figures;
    const written = after.booked - before.booked;
    const lookups = after.lookups - before.lookups;
    return {
      // What failed was not carried.
      perSecond: perSecond * (1 - errors / answered),
      ...{ generatorShare, mean, p50, p95, p99, connections, errors },
      hitRatio: (after.hits - before.hits) / lookups,
      callsPerRead: (after.reads - before.reads) / (answered - written),
      ...(writes ? { callsPerWrite: (after.writes - before.writes) / written } : {}),
    };
  };
  return [
    {
      name: KNEE[kind],
      measure: async (seconds) => {
        let best: Sample = { perSecond: 0 };
        for (const connections of STEPS) {
          const sample = await measure(connections, seconds);
          if (better(sample, best)) best = sample;
        }
        knee = best.perSecond ?? 0;
        return best;
      },
    },
    {
      name: BELOW[kind],
      measure: (seconds) => measure(USERS, seconds, (USERS * 1_000) / (knee * SHARE_OF_KNEE)),
    },
  ];
}

/** More is no better where it takes refusals. */
function better(sample: Sample, best: Sample): boolean {
  if (best.perSecond === 0) return true;
  const [more, less] = [(sample.errors ?? 0) > 0, (best.errors ?? 0) > 0];
  return more === less ? (sample.perSecond ?? 0) > (best.perSecond ?? 0) : less;
}

type Counter = "hits" | "lookups" | "booked" | "reads" | "writes";

async function counters(stack: BenchStack): Promise<Record<Counter, number>> {
  const { port } = stack.connection.api;
  const found = await apiCounters(port, "dujyo_api_cache_lookups_total");
  const booked = (await apiCounters(port, "dujyo_api_bookings_total")).get("") ?? 0;
  const hits = (found.get("l1") ?? 0) + (found.get("redis") ?? 0);
  return { hits, lookups: hits + (found.get("miss") ?? 0), booked, ...(await databaseCalls(stack)) };
}
