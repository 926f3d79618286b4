import type { Inventory, Member } from "./inventory.ts";

/** What day-2 commands may do to members, besides asking them. */
export interface Platform extends Inventory {
  /**
   * Stops a member the way it likes to be stopped, and starts it again.
   *
   * @param grace seconds it gets to finish before it is killed
   */
  restart(member: Member, grace: number): Promise<void>;
}
