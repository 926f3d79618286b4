import type { Result } from "../tools/process.ts";

/** One running, or stopped, member of the stack. */
export interface Member {
  /** Unique in the stack: `postgres-0`. */
  readonly name: string;
  /** Part that it belongs to: `postgres`. */
  readonly part: string;
  readonly running: boolean;
  /** What the platform calls its state: `running`, `exited`. */
  readonly state: string;
  /** First address on the host, `127.0.0.1:5432`; undefined where nothing is published. */
  readonly address?: string;
}

export interface LogOptions {
  /** Lines from the end of each log. */
  readonly tail: number;
  /** Goes on with new lines until interrupted. */
  readonly follow: boolean;
}

/** What the day-2 commands ask of the platform that the stack runs on. */
export interface Inventory {
  /** Every member, in the order of part and number. */
  members(): Promise<Member[]>;

  /**
   * Runs a program inside a member.
   *
   * @param timeout milliseconds
   */
  exec(member: Member, command: readonly string[], timeout: number): Promise<Result>;

  /** Hands out the log lines of a member until they end. */
  logs(member: Member, options: LogOptions, onLine: (line: string) => void): Promise<Result>;
}
