import { hash } from "node:crypto";
import { Random } from "./random.ts";
import type { DataSize } from "./sizes.ts";

/** micro-DYO in one DYO. */
export const MICRO = 1_000_000;
/** Everything there is: 400 million DYO, in micro-DYO; fixed, so that sums are easy to recognise. */
export const SUPPLY = 400_000_000 * MICRO;

/** Accounts of the platform come first; then one per pool, then the users. */
export const TREASURY = 0;
export const REWARDS = 1;
export const STAKING = 2;
export const FIRST_POOL = 3;

/** Who takes part, by account number. Arrays are indexed by it. */
export interface Accounts {
  readonly addresses: readonly string[];
  /** Allocation before the first transaction, micro-DYO; their sum is {@link SUPPLY}. */
  readonly genesis: Float64Array;
  readonly firstUser: number;
  readonly artists: readonly number[];
  /** Users that send and receive, most active senders first. */
  readonly senders: Int32Array;
  /** The same users, most popular receivers first: artists crowd the top. */
  readonly receivers: Int32Array;
  /** Users that hold tokens only: they have no row in balances. */
  readonly tokenOnly: ReadonlySet<number>;
}

/** Share of users that have a wallet and never used it. */
const IDLE_SHARE = 0.24;
const TOKEN_ONLY_SHARE = 0.05;
const ARTIST_SHARE = 0.05;

export function makeAccounts(size: DataSize, seed: number): Accounts {
  const random = new Random(seed, "accounts");
  const firstUser = FIRST_POOL + size.pools;
  const count = firstUser + size.users;
  const addresses = Array.from({ length: count }, (_, account) => makeAddress(seed, account));

  const artists: number[] = [];
  const active: { account: number; sending: number; receiving: number }[] = [];
  const tokenOnly = new Set<number>();
  for (let account = firstUser; account < count; account += 1) {
    const isArtist = random.chance(ARTIST_SHARE);
    const kind = random.next();
    const sending = random.next();
    const receiving = random.next();
    if (isArtist) artists.push(account);
    if (kind < TOKEN_ONLY_SHARE) tokenOnly.add(account);
    else if (isArtist || kind >= IDLE_SHARE) {
      active.push({ account, sending, receiving: isArtist ? receiving ** 4 : receiving });
    }
  }
  return {
    addresses,
    genesis: allocate(addresses.length, active, size.pools, random),
    firstUser,
    artists: artists.filter((account) => !tokenOnly.has(account)),
    senders: order(active, "sending"),
    receivers: order(active, "receiving"),
    tokenOnly,
  };
}

function order(
  active: readonly { account: number; sending: number; receiving: number }[],
  by: "sending" | "receiving",
) {
  return Int32Array.from([...active].sort((x, y) => x[by] - y[by]).map(({ account }) => account));
}

/** Log-normal holdings with a Pareto tail for six in ten active users; the platform holds the rest. */
function allocate(
  count: number,
  active: readonly { account: number }[],
  pools: number,
  random: Random,
): Float64Array {
  const genesis = new Float64Array(count);
  let given = 0;
  const give = (account: number, amount: number) => {
    genesis[account] = amount;
    given += amount;
  };
  for (const { account } of active) {
    if (!random.chance(0.6)) continue;
    const dyo = random.chance(0.01)
      ? Math.min(random.pareto(2_000, 1.2), 200_000)
      : random.logNormal(100, 1.2);
    give(account, Math.max(1, Math.round(dyo * MICRO)));
  }
  for (let pool = FIRST_POOL; pool < FIRST_POOL + pools; pool += 1) give(pool, 500_000 * MICRO);
  give(STAKING, MICRO);
  give(REWARDS, Math.floor((SUPPLY - given) / 3));
  give(TREASURY, SUPPLY - given);
  return genesis;
}

/** "DU" and 40 hex digits; one in fifty has the older "XW". */
function makeAddress(seed: number, account: number): string {
  const digest = hash("sha256", `${seed}|address|${account}`, "hex");
  return (account % 50 === 49 ? "XW" : "DU") + digest.slice(0, 40);
}
