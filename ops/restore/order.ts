import type { Member } from "../inventory.ts";
import { partMembers, type RunningStack } from "../running-stack.ts";

/** What members are told to do before they start Patroni; see `restore_order.py` of their image. */
export interface Order {
  /** Name of the member that begins the cluster anew. */
  readonly founder: string;
  readonly members: readonly string[];
  /** Options of `pgbackrest restore`; absent where the data has been brought to the founder. */
  readonly options?: readonly string[];
}

/** Where an order lies beside a member's data. */
export const ORDER_PLACE = "/var/lib/dujyo/restore.json";
/** Seconds that a member gets to stop: a hand-over and a shutdown checkpoint. */
export const STOP_SECONDS = 75;

/** The members of PostgreSQL, by number; one at least. */
export function restoreMembers(stack: RunningStack): readonly [Member, ...Member[]] {
  const [first, ...others] = partMembers(stack, "postgres");
  return [first as Member, ...others];
}
