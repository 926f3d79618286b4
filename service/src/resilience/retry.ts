import { setTimeout as pause } from "node:timers/promises";

export interface RetryArgs {
  /** Further tries after the first. */
  readonly retries: number;
  /** Which errors a repeat may cure. */
  readonly when: (error: unknown) => boolean;
  /** Milliseconds before the first repeat; doubles each time, with full jitter. @default 25 */
  readonly baseMs?: number;
  /** Epoch milliseconds after which no repeat starts. */
  readonly deadline?: number;
}

/** Repeats a call that may safely be repeated. */
export async function retry<T>(
  call: () => Promise<T>,
  { retries, when, baseMs = 25, deadline }: RetryArgs,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const wait = Math.random() * baseMs * 2 ** attempt;
      if (attempt >= retries || !when(error) || (deadline !== undefined && Date.now() + wait > deadline))
        throw error;
      await pause(wait);
    }
  }
}
