import type { Member } from "../inventory.ts";
import type { ProcessName, Signal } from "./processes.ts";

/**
 * How a target breaks and mends members. Every change can be taken back, and to take it back twice, or where there is none, is
 * without effect.
 */
export interface Injector {
  /** Why members' networks can not be changed here; undefined where they can. */
  networkObstacle(): Promise<string | undefined>;
  /** Why members can not be {@link kill}ed here; undefined where they can. */
  absenceObstacle(): Promise<string | undefined>;

  /** Ends a member at once and keeps it away. */
  kill(member: Member): Promise<void>;
  /** Brings one back that was killed. */
  start(member: Member): Promise<void>;

  /** Stops all processes of a member where they are. */
  freeze(member: Member): Promise<void>;
  thaw(member: Member): Promise<void>;

  /** Sends a signal to a process of a member, which then does what a crash or a hang would make it do. */
  signal(member: Member, process: ProcessName, signal: Signal): Promise<void>;

  /** Drops every packet from and to a member, or only those from and to some peers. */
  cut(member: Member, peers?: readonly Member[]): Promise<void>;
  /** Loses packets in both directions, evenly; `share` from 0 to 1. */
  lose(member: Member, share: number): Promise<void>;
  /** Lets a member send no more than this, so that what waits is late. @param rate bits a second, as `tc` writes it */
  slow(member: Member, rate: string): Promise<void>;
  /** Takes cut, loss and slowness back. */
  mend(member: Member): Promise<void>;

  /** Takes back everything that any drill may have left on any member. */
  healAll(members: readonly Member[]): Promise<void>;
}
