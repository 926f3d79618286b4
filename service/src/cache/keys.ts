/**
 * Keys in the shared cache. All keys of one account carry its address as hash tag: they live in one slot, so that one
 * script can touch them together.
 */
export const KEY_PREFIX = "dujyo:";

export type AccountView = "balance" | "detail" | "history";

export const ACCOUNT_VIEWS: readonly AccountView[] = ["balance", "detail", "history"];

export function accountKey(view: AccountView, address: string): string {
  return `${KEY_PREFIX}{${address}}:${view}`;
}

const VIEW_NAMES = new Set<string>(ACCOUNT_VIEWS);

/** What the keys of one account's views have in common; any other key itself. */
export function ownerOf(key: string): string {
  const at = key.lastIndexOf(":");
  return VIEW_NAMES.has(key.slice(at + 1)) ? key.slice(0, at) : key;
}

export function poolKey(poolId: string): string {
  return `${KEY_PREFIX}{${poolId}}:pool`;
}

/** Answers about the whole chain. */
export function chainKey(name: "stats" | "holders" | "blocks", variant = ""): string {
  return `${KEY_PREFIX}{chain}:${name}${variant}`;
}

export function leaseKey(key: string): string {
  return `${key}:lease`;
}

/** Channel on which the instances tell each other what they wrote, and that they live. */
export const PEER_CHANNEL = `${KEY_PREFIX}peers`;
/** Instances and their latest figures, each under its own key. */
export const FLEET_KEY = `${KEY_PREFIX}{fleet}:instances`;

/** What the processes let through in one window of a limit, by caller. */
export function rateKey(limit: string, window: number): string {
  return `${KEY_PREFIX}{rate}:${limit}:${window}`;
}

export function lookupsKey(slot: number): string {
  return `${KEY_PREFIX}{fleet}:lookups:${slot}`;
}
