import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";

/** Raised instead of a call while a breaker is open. */
export class BreakerOpenError extends Error {
  constructor(name: string) {
    super(`the breaker "${name}" is open`);
    this.name = "BreakerOpenError";
  }
}

export type BreakerState = "closed" | "half-open" | "open";

export interface BreakerArgs {
  readonly name: string;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds until one call may probe. */
  readonly openMs: number;
  /** Which errors count. @default every one */
  readonly counts?: (error: Error) => boolean;
  readonly onChange?: (state: BreakerState) => void;
}

export interface Breaker {
  readonly name: string;
  readonly state: BreakerState;
  /** @throws BreakerOpenError without calling, while open or while another call probes. */
  run<T>(call: () => Promise<T>): Promise<T>;
}

export function createBreaker({
  name,
  failures,
  openMs,
  counts = () => true,
  onChange,
}: BreakerArgs): Breaker {
  const policy = circuitBreaker(
    handleWhen((error) => counts(error as Error)),
    { halfOpenAfter: openMs, breaker: new ConsecutiveBreaker(failures) },
  );
  const stateOf = (state: CircuitState): BreakerState =>
    state === CircuitState.Closed ? "closed" : state === CircuitState.HalfOpen ? "half-open" : "open";
  if (onChange) policy.onStateChange((state) => onChange(stateOf(state)));
  let openedAt = 0;
  policy.onBreak(() => {
    openedAt = Date.now();
  });

  return {
    name,
    get state() {
      return stateOf(policy.state);
    },
    async run(call) {
      // The policy makes others wait for the probe's end; a request has better places to go to than a queue.
      if (policy.state === CircuitState.HalfOpen) throw new BreakerOpenError(name);
      if (policy.state === CircuitState.Open && Date.now() - openedAt < openMs)
        throw new BreakerOpenError(name);
      return await policy.execute(call);
    },
  };
}
