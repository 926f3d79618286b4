import { type Random, Zipf } from "../../../tools/data/random.ts";
import { postLine } from "./wrk.ts";

/** As published benchmarks of stores have it: a few accounts are asked for nearly always. */
export const EXPONENT = 0.99;
/** One read in so many is of the newest page of a history, the others of a balance. */
const HISTORY_EVERY = 10;
/** One request in so many is a write where there are writes. */
export const WRITE_EVERY = 20;

/** An account that pays: each of its transfers needs the next number. */
export interface Payer {
  readonly address: string;
  readonly token: string;
  nonce: number;
}

export interface TrafficArgs {
  /** From the most wanted to the least. */
  readonly accounts: readonly string[];
  /** In turn, so that a payer's transfers are far apart: one that is still under way makes the next fail. */
  readonly payers: readonly Payer[];
  readonly random: Random;
}

/**
 * Requests of many users: which account is asked for, and which is paid to, follows Zipf's law. The same source of numbers gives
 * the same requests.
 */
export class Traffic {
  readonly #args: TrafficArgs;
  readonly #zipf: Zipf;
  #read = 0;
  #written = 0;

  constructor(args: TrafficArgs) {
    this.#args = args;
    this.#zipf = new Zipf(args.accounts.length, EXPONENT);
  }

  /** Reads alone, or with one write in {@link WRITE_EVERY}. Lines for wrk; those with writes must not be sent twice. */
  requests(count: number, writes: boolean): string[] {
    return Array.from({ length: count }, (_, at) =>
      writes && at % WRITE_EVERY === WRITE_EVERY - 1 ? this.#write() : this.#readOne(),
    );
  }

  #account(): string {
    return this.#args.accounts[this.#zipf.draw(this.#args.random)] as string;
  }

  #readOne(): string {
    this.#read += 1;
    const path = this.#read % HISTORY_EVERY === 0 ? "transactions" : "balance";
    return `/${path}/${this.#account()}`;
  }

  /** Writes alone. */
  writes(count: number): string[] {
    return Array.from({ length: count }, () => this.#write());
  }

  #write(): string {
    const { payers, random } = this.#args;
    const payer = payers[this.#written++ % payers.length] as Payer;
    let to = this.#account();
    while (to === payer.address) to = this.#account();
    payer.nonce += 1;
    // Of no earlier run, whose transfers have been booked.
    const key = `bench-${payer.nonce}-${random.below(2 ** 32).toString(36)}`;
    return postLine("/transaction", payer.token, key, {
      from: payer.address,
      to,
      amount: 1,
      nonce: payer.nonce,
    });
  }
}
