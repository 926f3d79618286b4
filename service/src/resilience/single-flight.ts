/** Lets callers that want the same thing at the same time share one call. */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>();

  get size(): number {
    return this.#running.size;
  }

  /** Starts `call`, or joins the one that is running under the same key. */
  run(key: string, call: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = call().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  has(key: string): boolean {
    return this.#running.has(key);
  }
}
