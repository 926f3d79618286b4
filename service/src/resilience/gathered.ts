/** Runs one batch at a time; what is added meanwhile makes up the next one. */
export class Gathered<T> {
  readonly #run: (items: readonly T[]) => Promise<void>;
  #next: { readonly items: T[]; readonly done: Promise<void> } | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(run: (items: readonly T[]) => Promise<void>) {
    this.#run = run;
  }

  /** Ends as the batch does that has these items. */
  add(items: readonly T[]): Promise<void> {
    if (this.#next) {
      this.#next.items.push(...items);
      return this.#next.done;
    }
    const batch = [...items];
    const done = this.#last.then(() => {
      this.#next = undefined;
      return this.#run(batch);
    });
    this.#next = { items: batch, done };
    // A batch that failed is its own callers' matter.
    this.#last = done.catch(() => undefined);
    return done;
  }
}
