interface Write {
  readonly value: number;
  /** When it was acknowledged; undefined while it is open. */
  acknowledgedAt?: number;
}

/** A value that only rises, and which of its states a read may show. */
export class MovingValue {
  readonly #writes: Write[];
  readonly #boundMs: number;

  /** @param boundMs for how long after its acknowledgement a write may stay unseen. */
  constructor(first: number, boundMs: number) {
    this.#writes = [{ value: first, acknowledgedAt: 0 }];
    this.#boundMs = boundMs;
  }

  /** Raises the value to `value`; readers may see it from now on, and have to once `write` has resolved and the bound is over. */
  async raise(value: number, write: () => Promise<unknown>): Promise<void> {
    const entry: Write = { value };
    this.#writes.push(entry);
    await write();
    entry.acknowledgedAt = performance.now();
  }

  get last(): number {
    return this.#writes.at(-1)?.value as number;
  }

  /** @returns what is wrong with this value in an answer to a question asked at `asked`; undefined if nothing. */
  judge(value: number, asked: number): string | undefined {
    const settled = this.#writes.findLast(
      ({ acknowledgedAt }) => acknowledgedAt !== undefined && acknowledgedAt <= asked - this.#boundMs,
    );
    if (settled && value < settled.value) return "older than the bound";
    return value > this.last ? "newer than any write" : undefined;
  }
}
