import { type Accounts, FIRST_POOL, MICRO, REWARDS, STAKING } from "./accounts.ts";
import { makeTimes, startOfHistory } from "./calendar.ts";
import { transactionHash } from "./chain.ts";
import { Random, Zipf } from "./random.ts";
import type { DataSize } from "./sizes.ts";

export type TransactionType = "transfer" | "tip" | "swap" | "stake" | "reward";

/** One transaction; accounts by number, amounts in micro-DYO, time in microseconds since 1970. */
export interface GeneratedTransaction {
  readonly id: number;
  readonly time: number;
  readonly from: number;
  readonly to: number;
  readonly amount: number;
  readonly nonce: number;
  readonly type: TransactionType;
  readonly hash: string;
  /** undefined: failed, books nothing. The height after the last sealed one: pending. */
  readonly height: number | undefined;
  readonly pool: number | undefined;
}

/** Where every account stands after the transactions so far. Arrays are indexed by account number. */
export interface LedgerState {
  readonly balances: Float64Array;
  readonly nonces: Int32Array;
  readonly versions: Int32Array;
  /** Latest change, microseconds since 1970. */
  readonly times: Float64Array;
}

const PENDING_SHARE = 0.02;
const FAILED_SHARE = 0.01;
const SELF_SHARE = 0.005;
/** Senders that empty their account. */
const SWEEP_SHARE = 0.01;
/** Below this a user is given a reward instead of sending, micro-DYO. */
const LEAST_TO_SEND = 1_000;

/** Plays the history from genesis on. Each call with the same arguments yields the same transactions. */
export class LedgerHistory {
  readonly state: LedgerState;
  /** Height of the last sealed block. */
  readonly sealedHeight: number;
  /** Microseconds between two blocks. */
  readonly interval: number;
  readonly start: number;
  private readonly accounts: Accounts;
  private readonly size: DataSize;
  private readonly until: Date;
  private readonly seed: number;
  private readonly random: Random;
  private readonly ranks: Zipf;
  private readonly artistRanks: Zipf;
  private readonly poolRanks: Zipf;

  constructor(accounts: Accounts, size: DataSize, until: Date, seed: number) {
    this.accounts = accounts;
    this.size = size;
    this.until = until;
    this.seed = seed;
    const count = accounts.addresses.length;
    this.state = {
      balances: Float64Array.from(accounts.genesis),
      nonces: new Int32Array(count),
      versions: new Int32Array(count).fill(1),
      times: new Float64Array(count).fill(startOfHistory(size.days, until)),
    };
    this.random = new Random(seed, "ledger");
    this.ranks = new Zipf(accounts.senders.length, 1);
    this.artistRanks = new Zipf(accounts.artists.length, 1);
    this.poolRanks = new Zipf(size.pools, 1);
    this.sealedHeight = size.blocks - 1;
    this.start = startOfHistory(size.days, until);
    const firstPending = Math.floor(size.transactions * (1 - PENDING_SHARE));
    let cutoff = this.start;
    let index = 0;
    for (const time of makeTimes(size.transactions, size.days, until, seed)) {
      if (index === firstPending) {
        cutoff = time;
        break;
      }
      index += 1;
    }
    this.interval = Math.floor((cutoff - this.start) / this.sealedHeight);
  }

  *play(): Generator<GeneratedTransaction> {
    const { addresses } = this.accounts;
    const { balances, nonces, versions, times } = this.state;
    let id = 0;
    for (const time of makeTimes(this.size.transactions, this.size.days, this.until, this.seed)) {
      id += 1;
      const { type, from, to, pool } = this.choose();
      const fails = this.random.chance(FAILED_SHARE);
      const amount = this.amountFor(from, type, fails);
      const nonce = (nonces[from] ?? 0) + 1;
      nonces[from] = nonce;
      versions[from] = (versions[from] ?? 0) + 1;
      if (to !== from) versions[to] = (versions[to] ?? 0) + 1;
      times[from] = time;
      times[to] = time;
      if (!fails) {
        balances[from] = (balances[from] ?? 0) - amount;
        balances[to] = (balances[to] ?? 0) + amount;
      }
      const hash = transactionHash({
        from: addresses[from] ?? "",
        to: addresses[to] ?? "",
        amount,
        nonce,
        type,
      });
      yield {
        id,
        time,
        from,
        to,
        amount,
        nonce,
        type,
        hash,
        pool,
        height: fails ? undefined : this.heightAt(time),
      };
    }
  }

  private heightAt(time: number): number {
    return Math.min(Math.floor((time - this.start) / this.interval), this.sealedHeight) + 1;
  }

  private choose(): Pick<GeneratedTransaction, "type" | "from" | "to" | "pool"> {
    const { random, accounts } = this;
    const kind = random.next();
    const sender = accounts.senders[this.ranks.draw(random)] ?? REWARDS;
    if (kind < 0.07 || (this.state.balances[sender] ?? 0) < LEAST_TO_SEND) {
      return { type: "reward", from: REWARDS, to: sender, pool: undefined };
    }
    if (kind < 0.27) {
      const artist = accounts.artists[this.artistRanks.draw(random)] ?? sender;
      return { type: "tip", from: sender, to: artist, pool: undefined };
    }
    if (kind < 0.35) {
      const pool = this.poolRanks.draw(random);
      const account = FIRST_POOL + pool;
      return random.chance(0.5)
        ? { type: "swap", from: sender, to: account, pool }
        : { type: "swap", from: account, to: sender, pool };
    }
    if (kind < 0.4) return { type: "stake", from: sender, to: STAKING, pool: undefined };
    if (kind < 0.4 + SELF_SHARE) return { type: "transfer", from: sender, to: sender, pool: undefined };
    const receiver = accounts.receivers[this.ranks.draw(random)] ?? sender;
    return { type: "transfer", from: sender, to: receiver, pool: undefined };
  }

  private amountFor(from: number, type: TransactionType, fails: boolean): number {
    const { random } = this;
    const balance = this.state.balances[from] ?? 0;
    const wanted = Math.max(1, Math.round(random.logNormal(type === "tip" ? MICRO : 5 * MICRO, 1.6)));
    if (fails) return balance + wanted;
    if (type === "transfer" && random.chance(SWEEP_SHARE)) return balance;
    return Math.max(1, Math.min(wanted, Math.floor(balance * 0.8)));
  }
}
