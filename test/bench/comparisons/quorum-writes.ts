import type { Comparison } from "../comparison.ts";
import { mixedLoad, PAYERS, WRITERS } from "../load/mixed.ts";

const ACCOUNTS = 40_000;
/** What a million daily users send at their peak; see docs/capacity.md. */
const WRITES_PER_SECOND = 230;

const NAME = "writes";

export const quorumWrites: Comparison = {
  name: "p15-writes",
  title: "Writes with a quorum, for ten minutes",
  load: `${WRITES_PER_SECOND} transfers a second over HTTP to the gateway, from ${WRITERS} connections that pause at random, of ${PAYERS} payers in turn to ${ACCOUNTS} accounts after Zipf, each confirmed by a second PostgreSQL member; no reads. The whole stack and wrk on the same cores.`,
  onRequest: "eleven minutes",
  rounds: 1,
  seconds: 600,
  goals: [
    // The pauses leave the time of an answer out: a little less is sent than asked for.
    {
      ...{ what: "writes a second", figure: "perSecond", of: NAME },
      bound: { atLeast: WRITES_PER_SECOND * 0.95 },
    },
    { what: "p99 of the writes, ms", figure: "p99", of: NAME, bound: { atMost: 200 } },
    { what: "errors", figure: "errors", of: NAME, bound: { atMost: 0 } },
  ],
  async prepare(stack) {
    const accounts = await stack.accounts(ACCOUNTS);
    const measure = await mixedLoad(stack, { accounts, writes: WRITES_PER_SECOND });
    return { variants: [{ name: NAME, measure }], stop: async () => undefined };
  },
};
