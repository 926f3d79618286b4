import { KNEE, SHARE_OF_KNEE } from "../comparisons/whole-stack.ts";
import type { Result } from "../report.ts";
import { summarize } from "../statistics.ts";

/** What the stack carried when it was measured; alerts and plans are reckoned from it. */
export interface Capacity {
  /** A second, of one API process, one request in twenty a write. */
  readonly requestsPerProcess: number;
}

/** From the run of p9: the median round's knee with writes, two figures of it, rounded down. */
export function capacityOf({ rounds }: Pick<Result, "rounds">): Capacity {
  const knees = rounds.map(({ samples }) => samples[KNEE.mixed]?.perSecond ?? Number.NaN);
  const { median } = summarize(knees);
  const step = 10 ** (Math.floor(Math.log10(median)) - 1);
  return { requestsPerProcess: Math.floor(median / step) * step };
}

/** How much a ledger is used. */
export interface Usage {
  readonly accounts: number;
  /** Who send something on a day. */
  readonly dailyUsers: number;
}

/** Four transfers of a daily user, and a busiest hour of five times the day's mean: 230 writes a second of a million users. */
export const TRANSFERS_A_DAY = 4;
export const PEAK = 5;
/** With one request in twenty a write. */
export const READS_PER_WRITE = 19;

/**
 * Bytes with all indexes, measured once on freshly loaded data of the size `dev` (47,549 accounts, 500,202 transfers):
 * postings, transactions and their hashes; balances and users.
 */
export const BYTES = { transfer: 1_400, account: 720 } as const;

/** What the usage asks of the stack. */
export interface Need {
  readonly writesPerSecond: number;
  readonly requestsPerSecond: number;
  /** So many that each stays below the share of the knee, and that one may be lost. */
  readonly processes: number;
  /** Of PostgreSQL, after a year of such days. */
  readonly bytes: number;
}

/** At the peak of a day. */
export function need({ accounts, dailyUsers }: Usage, { requestsPerProcess }: Capacity): Need {
  const transfers = dailyUsers * TRANSFERS_A_DAY;
  const writesPerSecond = (transfers / 86_400) * PEAK;
  const requestsPerSecond = writesPerSecond * (READS_PER_WRITE + 1);
  return {
    writesPerSecond,
    requestsPerSecond,
    processes: Math.ceil(requestsPerSecond / (requestsPerProcess * SHARE_OF_KNEE)) + 1,
    bytes: accounts * BYTES.account + transfers * 365 * BYTES.transfer,
  };
}
