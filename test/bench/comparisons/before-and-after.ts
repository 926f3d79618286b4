import { sessionOptions, withSession } from "../../../ops/postgres/session.ts";
import { openStack } from "../../../ops/running-stack.ts";
import { PAGE_SIZE } from "../../../service/src/repositories/history.ts";
import { Random, Zipf } from "../../../tools/data/random.ts";
import { growLedger, type LedgerSize, rankedAddress, replayed } from "../baseline/large-ledger.ts";
import { dropBaseline, makeBaseline } from "../baseline/schema.ts";
import type { Comparison, Goal, Sample, Variant } from "../comparison.ts";
import { databaseCalls } from "../load/database-calls.ts";
import { fillCaches } from "../load/filling.ts";
import { EXPONENT } from "../load/traffic.ts";
import { wrk } from "../load/wrk.ts";
import { HttpServer, stopAll } from "../servers.ts";
import { type BenchStack, STACK } from "../stack.ts";

const SIZE: LedgerSize = { accounts: 1_000_000, transactions: 5_000_000 };
const TRIAL: LedgerSize = { accounts: 100_000, transactions: 200_000 };
/** Accounts that are asked for at a time. */
const ASKED = 40_000;
const ASKED_IN_TRIAL = 2_000;
/** As many as cores: what is compared is an answer, not a line of waiting requests. */
const CONNECTIONS = 2;
/** One history in so many is not of the newest page. */
const DEEP_EVERY = 10;
/** Pages count from 0. */
const DEEP_PAGE = 9;
/** The busiest accounts, which have that many pages at a trial's size, too. */
const WITH_DEEP_PAGES = 20;
/** Of the same load before each measurement of the service: after 30 s entries of a balance have begun to expire. */
const SETTLE_SECONDS = { balance: 30, history: 10 };
/** In which all of them are asked for. */
const FILLING_SECONDS = 10;
/** Requests are sent again from the first one on after that many. */
const REQUESTS = 500_000;

/** The service's own, which the other comparisons widen. */
const OWN_LIMITS = {
  CACHE_TTL_BALANCE_MS: "600000",
  CACHE_TTL_HISTORY_MS: "600000",
  CACHE_MAX_STALENESS_MS: "2000",
};
const SHORT_LIVED = { CACHE_TTL_BALANCE_MS: "30000" };

const BALANCE = {
  before: "balance, before",
  after: "balance, after",
  short: "balance, after, entries of 30 s",
} as const;
const HISTORY = { before: "history, before", after: "history, after" } as const;

const faster = (what: string, figure: "p50" | "p99", names: { before: string; after: string }): Goal[] => [
  {
    ...{ what: `${what}: ${figure} before / after`, figure, of: names.before, against: names.after },
    bound: { atLeast: what === "history" ? 10 : 3 },
  },
];

const fewer = (of: string): Goal[] =>
  (["callsPerRead", "buffersPerRead"] as const).map((figure) => ({
    what: `${figure === "callsPerRead" ? "database calls" : "buffers"} per read, ${of} / before`,
    ...{ figure, of, against: BALANCE.before, bound: { atMost: 1 / 20 } },
  }));

export const beforeAndAfter: Comparison = {
  name: "p8",
  title: "The service, against a baseline without indexes and caches",
  load: `wrk, ${CONNECTIONS} connections, one request at a time on each; no writes. A ledger with ${SIZE.accounts} accounts and ${SIZE.transactions} transactions more than its own, made by SQL; ${ASKED} of them are asked for after Zipf (exponent ${EXPONENT}). Nine newest pages of a history for one page ${DEEP_PAGE + 1} of one of the ${WITH_DEEP_PAGES} busiest accounts, which the service does not cache. "before": bare Fastify with one pool on the primary, prepared statements, no cache, pages by OFFSET, the same tables with their primary keys and no other index. "after": the service with everything on; its entries live ten minutes; each account's balance is asked for before each round, until the caches hold all, histories are measured after ${SETTLE_SECONDS.history} s of the same load. "entries of 30 s": other accounts, after ${SETTLE_SECONDS.balance} s of the same load.`,
  onRequest: "a quarter of an hour, and some 15 GB of disk",
  seconds: 8,
  goals: [
    ...faster("history", "p50", HISTORY),
    ...faster("history", "p99", HISTORY),
    ...faster("balance", "p50", BALANCE),
    ...fewer(BALANCE.after),
  ],
  async prepare(stack, trial) {
    const { accounts, transactions } = trial ? TRIAL : SIZE;
    const asked = trial ? ASKED_IN_TRIAL : ASKED;
    const { connection } = stack;
    const { leader } = await (await openStack(STACK)).patroni.ledView();
    const primary = connection.postgres.find(({ host }) => host === leader);
    if (!primary) throw new Error(`the leader ${leader} is no member of the stack`);
    const asOwner = sessionOptions(connection, primary, "owner");
    await withSession(asOwner, async (owner) => {
      await growLedger(owner, { accounts, transactions });
      await makeBaseline(owner);
      await replayed(owner);
    });
    const cursors = await withSession(asOwner, async (owner) => {
      const busiest = Array.from({ length: WITH_DEEP_PAGES }, (_, at) => rankedAddress(at + 1));
      const { rows } = await owner.query<{ address: string; id: string }>(
        `SELECT busy.address, last.tx_id::text AS id FROM unnest($1::text[]) AS busy (address),
           LATERAL (SELECT tx_id FROM postings WHERE address = busy.address ORDER BY tx_id DESC OFFSET $2 LIMIT 1) last`,
        [busiest, DEEP_PAGE * PAGE_SIZE - 1],
      );
      return rows;
    });
    if (cursors.length < WITH_DEEP_PAGES) throw new Error("the busiest accounts have too few pages");

    const before = await HttpServer.baseline(stack, leader);
    const after = await HttpServer.api(stack, OWN_LIMITS);
    const short = await HttpServer.api(stack, { ...OWN_LIMITS, ...SHORT_LIVED, INSTANCE: "bench-short" });
    const zipf = new Zipf(asked, EXPONENT);
    const random = new Random(1, "before and after");
    const ranks = Array.from({ length: REQUESTS }, () => zipf.draw(random) + 1);
    const balances = (first: number) => ranks.map((rank) => `/balance/${rankedAddress(first + rank)}`);
    const histories = (deep: (cursor: { address: string; id: string }) => string) =>
      ranks.map((rank, at) =>
        at % DEEP_EVERY === 0
          ? deep(cursors[at % cursors.length] as (typeof cursors)[number])
          : `/transactions/${rankedAddress(rank)}`,
      );

    const all = Array.from({ length: asked }, (_, at) => `/balance/${rankedAddress(asked + at + 1)}`);
    // A run is longer than the entries live: where all were made in its first minute, all would end together in its middle.
    const filled = () => fillCaches(stack, all, { server: after, seconds: FILLING_SECONDS });

    const variant = (name: string, server: HttpServer, requests: string[], settle: number): Variant => ({
      name,
      measure: (seconds) =>
        measure(stack, server, requests, { seconds, settle: trial ? Math.min(settle, 1) : settle }),
    });
    return {
      variants: [
        variant(BALANCE.before, before, balances(0), 0),
        {
          name: BALANCE.after,
          measure: async (seconds) => {
            await filled();
            return await measure(stack, after, balances(asked), { seconds, settle: 0 });
          },
        },
        variant(BALANCE.short, short, balances(0), SETTLE_SECONDS.balance),
        variant(
          HISTORY.before,
          before,
          histories(({ address }) => `/transactions/${address}?page=${DEEP_PAGE}`),
          0,
        ),
        variant(
          HISTORY.after,
          after,
          histories(({ address, id }) => `/transactions/${address}?before=${id}`),
          SETTLE_SECONDS.history,
        ),
      ],
      stop: async () => {
        await stopAll([before, after, short]);
        await withSession(asOwner, dropBaseline);
      },
    };
  },
};

async function measure(
  stack: BenchStack,
  server: HttpServer,
  requests: readonly string[],
  { seconds, settle }: { readonly seconds: number; readonly settle: number },
): Promise<Sample> {
  if (settle > 0) await load(stack, server, requests, settle);
  const before = await databaseCalls(stack);
  const { requests: answered, perSecond, mean, p50, p95, p99 } = await load(stack, server, requests, seconds);
  const after = await databaseCalls(stack);
  return {
    ...{ perSecond, mean, p50, p95, p99 },
    callsPerRead: (after.reads - before.reads) / answered,
    buffersPerRead: (after.buffers - before.buffers) / answered,
  };
}

/** @throws Error where any answer was no success */
async function load(stack: BenchStack, { port }: HttpServer, requests: readonly string[], seconds: number) {
  const figures = await wrk({ port, requests, folder: stack.folder, seconds, connections: CONNECTIONS });
  if (figures.errors > 0) throw new Error(`${figures.errors} errors in ${figures.requests} requests`);
  return figures;
}
