import type { CacheEntry } from "./entry.ts";

/** A time to live with its lot drawn: entries that were made together do not end together. */
export function jitteredTtl(ttlMs: number, jitter: number, random = Math.random()): number {
  return ttlMs * (1 - jitter * random);
}

/** Costs beyond this many times the cost do not happen in practice: the lot below would have to be under e^-20. */
const HORIZON = 20;

/**
 * Whether this hit should refresh the entry although it has not expired: the probabilistic early expiration of
 * Vattani, Chierichetti and Lowenstein (VLDB 2015), which lets about one request per period renew a hot entry
 * however many ask for it.
 */
export function refreshesEarly(entry: CacheEntry, now: number, random = Math.random): boolean {
  const left = entry.expiresAt - now;
  // Most hits are far from the end and are spared the logarithm.
  if (left > entry.costMs * HORIZON) return false;
  return -entry.costMs * Math.log(random()) >= left;
}
