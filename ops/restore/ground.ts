import type { Order } from "./order.ts";

/** A program of this machine, and what it is told. */
export type CommandLine = readonly [program: string, args: readonly string[]];

/** How the members of PostgreSQL are made to begin anew on the platform that they run on. */
export interface Ground {
  /**
   * Notes that jobs of the program have to run again: the next `up` does that, whoever runs it.
   *
   * @param jobs names of their resources
   */
  renewJobs(jobs: readonly string[]): Promise<void>;

  /**
   * The member that is to found the cluster.
   *
   * @param members names; one at least
   */
  founder(members: readonly [string, ...string[]], leader: string | undefined): string;

  /** Runs a program in a member that is up. */
  inside(member: string, command: readonly string[]): CommandLine;

  /** Runs a program on a member's volumes, which reads what it is given. */
  onVolumes(member: string, command: readonly string[]): Promise<CommandLine>;

  /**
   * Leaves the order with every member, and has them start with it. The leader stops last, so that its log goes to the archive
   * to the end.
   *
   * @throws Refusal where a member can not take the order; nothing was stopped then
   */
  begin(order: Order, leader: string | undefined): Promise<void>;
}
