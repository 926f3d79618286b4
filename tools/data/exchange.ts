import { hash } from "node:crypto";
import { type Accounts, MICRO } from "./accounts.ts";
import type { CopyValue } from "./copy.ts";
import { Random, Zipf } from "./random.ts";
import type { DataSize } from "./sizes.ts";

type Row = readonly CopyValue[];

export const POOL_COLUMNS = [
  "pool_id",
  "token_a",
  "token_b",
  "reserve_a",
  "reserve_b",
  "total_supply",
] as const;
export const POSITION_COLUMNS = ["position_id", "user_address", "pool_id", "lp_tokens"] as const;

export function poolId(pool: number): string {
  return tokens(pool).join("_");
}

function tokens(pool: number): [string, string] {
  if (pool === 0) return ["DYO", "DYS"];
  if (pool === 1) return ["DUJYO", "USDC"];
  return ["DYO", `TKN${String(pool).padStart(3, "0")}`];
}

/** Liquidity positions, most in the big pools, one in ten emptied; and the pools whose supply they add up to. */
export function makeExchange(
  accounts: Accounts,
  size: DataSize,
  seed: number,
): { pools: Row[]; positions: Row[] } {
  const random = new Random(seed, "exchange");
  const ranks = new Zipf(size.pools, 1);
  const supply = new Float64Array(size.pools);
  const positions: Row[] = [];
  for (let index = 0; index < size.positions; index += 1) {
    const pool = ranks.draw(random);
    const user = accounts.senders[random.below(accounts.senders.length)] ?? accounts.firstUser;
    const lpTokens = random.chance(0.1) ? 0 : Math.round(random.logNormal(40 * MICRO, 1.5));
    supply[pool] = (supply[pool] ?? 0) + lpTokens;
    positions.push([uuid(`${seed}|position|${index}`), accounts.addresses[user], poolId(pool), lpTokens]);
  }
  const pools: Row[] = Array.from(supply, (total, pool) => {
    // Constant product: reserves around the supply, apart by the price.
    const price = random.logNormal(1, 0.7);
    const [a, b] = tokens(pool);
    return [
      poolId(pool),
      a,
      b,
      Math.round(total * Math.sqrt(price)),
      Math.round(total / Math.sqrt(price)),
      total,
    ];
  });
  return { pools, positions };
}

/** A UUID (version 8) out of a text. */
export function uuid(text: string): string {
  const hex = hash("sha256", text, "hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
