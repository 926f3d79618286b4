import type { Scene } from "./scene.ts";

/** Takes a fault back. */
export type Heal = () => Promise<void>;

/** What is promised of a fault beyond what is promised of every fault. */
export interface Goal {
  /** Longest write outage, seconds. */
  readonly writeOutage?: number;
  /** Longest write outage of the recovery profile `fast`, as a share of what the profile `stock` takes. */
  readonly ofStock?: number;
  /** Whether clients get no error at all. */
  readonly noErrors?: boolean;
  /** Whether the primary stays the primary. */
  readonly keepsPrimary?: boolean;
  /** Longest time from the heal to the next acknowledged write, seconds. */
  readonly writesAfterHeal?: number;
  /** Share of the API's reads that are answered, 0 to 1. */
  readonly readsAnswered?: number;
  /** The same of those that need neither PostgreSQL nor a change's mark: of an account that nobody books from. */
  readonly cachedReadsAnswered?: number;
}

/** Something that happens to a stack. */
export interface Fault {
  /** As it is typed: `node-gone`. */
  readonly name: string;
  /** One line for the table. */
  readonly title: string;
  /** The part that suffers. */
  readonly hits: "postgres" | "etcd" | "network" | "routing" | "redis" | "api";
  /** Seconds before the heal, at least. */
  readonly hold: number;
  /** Whether the heal waits for writes to be acknowledged again (at most a minute). @default true */
  readonly untilWriting?: boolean;
  readonly goal?: Goal;
  /** Why this machine or stack does not permit it; undefined where it does. */
  readonly obstacle?: (scene: Scene) => Promise<string | undefined>;
  readonly inject: (scene: Scene) => Promise<Heal>;
}

/** One fault, once. */
export interface Turn {
  readonly fault: Fault;
  readonly round: number;
}

/** For faults that end by themselves. */
export const nothingToHeal: Heal = async () => undefined;

/** An obstacle of every fault that keeps a member away. */
export const needsAbsence = ({ injector }: Scene): Promise<string | undefined> => injector.absenceObstacle();

/** An obstacle of every fault that changes a member's network. */
export const needsNetwork = ({ injector }: Scene): Promise<string | undefined> => injector.networkObstacle();
