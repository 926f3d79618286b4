import { Random } from "../../../tools/data/random.ts";
import type { Comparison, Goal, Variant } from "../comparison.ts";
import { choosePayers, readNonces } from "../load/payers.ts";
import { Traffic } from "../load/traffic.ts";
import { wrk } from "../load/wrk.ts";
import { ALL_CORES, MEASURED_CORE } from "../processes.ts";
import { HttpServer } from "../servers.ts";
import type { BenchStack } from "../stack.ts";

const ACCOUNTS = 10_000;
/** Each pays once or twice in a measurement: a refused transfer would make the payer's next one fail as well. */
const PAYERS = 20_000;
/** Two for each connection of a pool: enough to keep the database busy, and as many as are never refused. */
const PEAK_CONNECTIONS = 20;
/** How many times the peak is sent. */
const TIMES = 3;
/** Users who send it, below what the API lets in; each pauses so long that they send that much if answered at once. */
const USERS = 1_500;
/** A process answers and refuses less than this. */
const MOST_PER_SECOND = 15_000;
const LIMIT_MS = 200;

/** The service's own limits, which the other comparisons widen. */
const OWN_LIMITS = {
  CACHE_MAX_STALENESS_MS: "2000",
  REDIS_COMMAND_TIMEOUT_MS: "200",
  DB_CONNECT_TIMEOUT_MS: "2000",
  DB_QUERY_TIMEOUT_MS: "2000",
  DB_MAX_WAIT_MS: "50",
  // Expired as soon as it is stored: every read goes all the way.
  CACHE_TTL_BALANCE_MS: "1",
  CACHE_TTL_HISTORY_MS: "1",
};

const goalsOf = (kind: string): Goal[] => {
  const of = `${kind}, ${TIMES} x peak`;
  return [
    {
      ...{ what: `${kind}: accepted at ${TIMES} times the peak / peak`, figure: "perSecond", of },
      ...{ against: `${kind}, peak`, bound: { atLeast: 0.9 } },
    },
    { what: `${kind}: p99 of the accepted, ms`, figure: "acceptedP99", of, bound: { atMost: LIMIT_MS } },
    { what: `${kind}: answers that are neither`, figure: "errors", of, bound: { atMost: 0 } },
    { what: `${kind}: recovered after, ms`, figure: "recoveryMs", of, bound: { atMost: 2_000 } },
  ];
};

export const overload: Comparison = {
  name: "p11",
  title: `Misses and writes at ${TIMES} times the peak`,
  load: `wrk on a core of its own; one API process with its own limits and all of the stack share another one. "reads": nine balances for one newest page of a history of ${ACCOUNTS} accounts after Zipf, entries that have always expired. "writes": transfers of ${PAYERS} payers in turn. "peak": ${PEAK_CONNECTIONS} connections, one request at a time on each. "${TIMES} x peak": ${USERS} connections that pause at random before each request, so long that they send ${TIMES} times the round's peak if they are answered at once. The accepted ones' p99 is an upper bound: as if refusals had been the quickest.`,
  seconds: 5,
  goals: [...goalsOf("reads"), ...goalsOf("writes")],
  async prepare(stack) {
    const api = await HttpServer.api(stack, OWN_LIMITS);
    const accounts = await stack.accounts(ACCOUNTS);
    const payers = await choosePayers(stack, PAYERS);
    const traffic = new Traffic({ accounts, payers, random: new Random(Date.now(), "traffic") });
    const requests = {
      reads: async (seconds: number) => traffic.requests(seconds * MOST_PER_SECOND, false),
      writes: async (seconds: number) => {
        await readNonces(stack, payers);
        return traffic.writes(seconds * MOST_PER_SECOND);
      },
    };
    // What a bigger load costs its sender shall not be taken from who answers it.
    await stack.inside.confine(MEASURED_CORE);
    return {
      variants: [
        ...pair({ stack, api, kind: "reads", requests: requests.reads, probe: `/balance/${accounts[0]}` }),
        ...pair({ stack, api, kind: "writes", requests: requests.writes, probe: `/balance/${accounts[0]}` }),
      ],
      stop: async () => {
        await api.process.stop();
        await stack.inside.confine(ALL_CORES);
      },
    };
  },
};

interface PairArgs {
  readonly stack: BenchStack;
  readonly api: HttpServer;
  readonly kind: string;
  readonly requests: (seconds: number) => Promise<string[]>;
  /** What is asked for to see whether the process has recovered. */
  readonly probe: string;
}

function pair({ stack, api, kind, requests, probe }: PairArgs): Variant[] {
  const common = { port: api.port, folder: stack.folder };
  let peak = 0;
  return [
    {
      name: `${kind}, peak`,
      measure: async (seconds) => {
        const { perSecond, errors, p50, p99 } = await wrk({
          ...{ ...common, requests: await requests(seconds), seconds, connections: PEAK_CONNECTIONS },
        });
        peak = perSecond;
        return { perSecond, errors, p50, p99 };
      },
    },
    {
      name: `${kind}, ${TIMES} x peak`,
      measure: async (seconds) => {
        const load = { connections: USERS, pauseMs: (USERS * 1_000) / (peak * TIMES), countRefusals: true };
        const all = await wrk({ ...common, ...load, requests: await requests(seconds), seconds });
        const recoveryMs = await api.answersWithin(LIMIT_MS, probe);
        const accepted = (all.requests - all.refused - all.errors) / all.requests;
        return {
          perSecond: all.perSecond * accepted,
          refused: (all.perSecond * all.refused) / all.requests,
          ...{ acceptedP99: all.acceptedP99, errors: all.errors, recoveryMs },
        };
      },
    },
  ];
}
