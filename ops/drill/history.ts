import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";

/** How a client reaches the ledger. */
export type Path = "sql" | "api";

/**
 * A write as its client saw it. `unknown`: the answer was lost, and the number is never used again by anyone but a repeat of
 * the very same write. `refused`: the client was told that nothing happened. Times are milliseconds since 1970.
 */
export interface WriteEvent {
  readonly kind: "write";
  readonly path: Path;
  readonly client: string;
  /** Counts the client's writes, from 1. */
  readonly number: number;
  readonly outcome: "acknowledged" | "unknown" | "refused";
  readonly from: number;
  readonly to: number;
  /** Timeline and member that committed it, where the client was told. */
  readonly reign?: string;
  readonly error?: string;
}

/** A read as its client saw it. */
export interface ReadEvent {
  readonly kind: "read";
  readonly path: Path;
  readonly client: string;
  readonly outcome: "answered" | "failed";
  readonly from: number;
  readonly to: number;
  /** Client whose writes it looked at, and how many of them the answer had seen. */
  readonly account?: string;
  readonly seen?: number;
  /** Whether nobody writes that account, so that the cache may answer. @default false */
  readonly still?: boolean;
  /** How many of them it had to have seen, by the token that it carried. */
  readonly token?: number;
  readonly error?: string;
}

/** What happened to the stack. */
export interface MarkEvent {
  readonly kind: "mark";
  readonly what: "injected" | "healed" | "restored";
  readonly at: number;
}

export type HistoryEvent = WriteEvent | ReadEvent | MarkEvent;

/** Milliseconds since 1970 on a clock that never goes back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A log of events, one JSON line each. What `append` has resolved for is on disk. */
export class HistoryLog {
  readonly #file: FileHandle;
  #waiting: {
    readonly line: string;
    readonly done: () => void;
    readonly failed: (error: unknown) => void;
  }[] = [];
  #flushing: Promise<void> | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Starts a log; an older one of that name is overwritten. */
  static async create(path: string): Promise<HistoryLog> {
    return new HistoryLog(await open(path, "w", 0o600));
  }

  append(event: HistoryEvent): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ line: `${JSON.stringify(event)}\n`, done, failed });
      this.#flushing ??= this.#flush();
    });
  }

  /** All that waits goes to disk together: one fsync serves every client that came meanwhile. */
  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#file.write(batch.map(({ line }) => line).join(""));
        await this.#file.datasync();
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#flushing = undefined;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }
}

/** Reads a log back. */
export async function readHistory(path: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for await (const line of createInterface({ input: createReadStream(path) }))
    if (line !== "") events.push(JSON.parse(line) as HistoryEvent);
  return events;
}
