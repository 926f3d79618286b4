import { setTimeout as pause } from "node:timers/promises";

import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";

/** Raised instead of a call while a breaker is not closed. */
export class BreakerOpenError extends Error {
  constructor(name: string) {
    super(`the breaker "${name}" is open`);
    this.name = "BreakerOpenError";
  }
}

/** Whatever a probe fails with, it is no success. */
class ProbeFailedError extends Error {}

/** How long a suggestion is followed, and the pause between its probes: the first ones may meet what is left of the failure. */
const SUGGESTION_MS = 10_000;
const SUGGESTION_PAUSE_MS = 500;

export type BreakerState = "closed" | "half-open" | "open";

export interface BreakerArgs {
  readonly name: string;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds until a probe, and between two of them. */
  readonly openMs: number;
  /**
   * Asks what is behind the breaker whether it works again. Has to end by itself: no other probe starts before. Made by the
   * breaker, not lent from a request, so that it closes without traffic too.
   */
  readonly probe: () => Promise<unknown>;
  /** Which errors of calls count. @default every one */
  readonly counts?: (error: Error) => boolean;
}

export interface Breaker {
  readonly name: string;
  readonly state: BreakerState;
  /** @throws BreakerOpenError without calling, unless closed. */
  run<T>(call: () => Promise<T>): Promise<T>;
  /** Something else tells that what is behind it may work again: probes now and for 10 s instead of after the pause. */
  suggest(): void;
  /** Probes no more: what was behind it is gone for good. */
  abandon(): void;
}

/** Stops calls to what fails all the time, and finds out by itself when it is well again. */
export function createBreaker({ name, failures, openMs, probe, counts = () => true }: BreakerArgs): Breaker {
  const policy = circuitBreaker(
    handleWhen((error) => error instanceof ProbeFailedError || counts(error as Error)),
    { halfOpenAfter: openMs, breaker: new ConsecutiveBreaker(failures) },
  );
  let timer: NodeJS.Timeout | undefined;
  let abandoned = false;
  let suggested = false;
  let failing = false;
  /** Made once: while a breaker is open each request meets it, and what an error costs is the trace that it takes. */
  const opened = new BreakerOpenError(name);

  /** How a call ended, which the policy may throw again. Once it is open, only a probe counts. */
  async function tell(outcome: () => void): Promise<void> {
    if (policy.state === CircuitState.Closed) await policy.execute(outcome).catch(() => undefined);
  }

  async function tryProbe(): Promise<void> {
    if (suggested) return probeLater();
    try {
      await policy.execute(async () => {
        await probe().catch((cause) => {
          throw new ProbeFailedError(`the probe of "${name}" failed`, { cause });
        });
      });
    } catch (error) {
      // The wall clock, by which the policy goes, was a little behind the timer; a failed probe opens it anew instead.
      if (error instanceof BrokenCircuitError) probeLater();
    }
  }

  function probeLater(): void {
    if (abandoned) return;
    // A process that has nothing else to do may end.
    timer = setTimeout(() => void tryProbe(), openMs).unref();
  }

  async function trySuggestion(): Promise<void> {
    suggested = true;
    const end = Date.now() + Math.min(SUGGESTION_MS, openMs);
    while (policy.state === CircuitState.Open && !abandoned && Date.now() < end) {
      try {
        await probe();
        // The policy lets nothing through before its pause is over; the end of an isolation is its one way to close sooner.
        if (policy.state === CircuitState.Open) policy.isolate().dispose();
      } catch {
        await pause(SUGGESTION_PAUSE_MS, undefined, { ref: false });
      }
    }
    suggested = false;
  }

  policy.onBreak(probeLater);
  policy.onReset(() => clearTimeout(timer));

  return {
    name,
    get state() {
      if (policy.state === CircuitState.Closed) return "closed";
      return policy.state === CircuitState.HalfOpen ? "half-open" : "open";
    },
    async run(call) {
      // The policy would make the first call after the pause the probe, and others wait for its end: a request has better
      // places to go to.
      if (policy.state !== CircuitState.Closed) throw opened;
      // The policy counts failures in a row: while there are none, success is no news to it, and telling costs as much as
      // a call of the cache.
      try {
        const result = await call();
        if (failing) {
          failing = false;
          await tell(() => undefined);
        }
        return result;
      } catch (error) {
        failing = true;
        await tell(() => {
          throw error;
        });
        throw error;
      }
    },
    suggest() {
      if (policy.state === CircuitState.Open && !suggested && !abandoned) void trySuggestion();
    },
    abandon() {
      abandoned = true;
      clearTimeout(timer);
    },
  };
}
