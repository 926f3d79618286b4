import cluster, { type Worker } from "node:cluster";

import { AggregatorRegistry, type Registry } from "prom-client";

/** All metrics of one process, or of several of them as one. */
export type Snapshot = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

type FromWorker =
  | { readonly figures: "ready" }
  | { readonly figures: "mine"; readonly snapshot: Snapshot }
  | { readonly figures: "wanted" };
type FromPrimary =
  | { readonly figures: "collect" }
  | { readonly figures: "total"; readonly snapshot: Snapshot }
  | { readonly figures: "failed"; readonly reason: string };

/** How long one worker that does not answer may hold up the figures of the others. */
const WORKER_PATIENCE_MS = 500;
/** Longer, so that a worker hears from the primary even when another one is stuck. */
const PRIMARY_PATIENCE_MS = 2000;

/**
 * The figures of a container's workers as one. A worker that is stuck counts with what it said last; one that is gone
 * with its last counters, so that sums never fall. What it counted after it was last asked is lost.
 */
export class WorkerFigures<W> {
  readonly #ask: (worker: W) => void;
  readonly #patienceMs: number;
  readonly #last = new Map<W, Snapshot>();
  readonly #gone: Snapshot[] = [];
  #unanswered = new Set<W>();
  #complete: () => void = () => undefined;
  #round: Promise<Snapshot> | undefined;

  /**
   * @param ask makes a worker call `answer`.
   * @param patienceMs milliseconds that one collection waits for workers.
   */
  constructor(ask: (worker: W) => void, patienceMs: number) {
    this.#ask = ask;
    this.#patienceMs = patienceMs;
  }

  /** From now on the worker is asked: it must be able to answer. */
  add(worker: W): void {
    this.#last.set(worker, []);
  }

  answer(worker: W, snapshot: Snapshot): void {
    // A message may arrive after the end of its sender, whose counters are kept already.
    if (this.#last.has(worker)) this.#last.set(worker, snapshot);
    this.#heard(worker);
  }

  remove(worker: W): void {
    const snapshot = this.#last.get(worker) ?? [];
    this.#last.delete(worker);
    if (snapshot.length > 0) this.#gone.push(snapshot.filter(({ type }) => String(type) !== "gauge"));
    this.#heard(worker);
  }

  /** Figures of all workers. Who asks while a collection is under way gets its result. */
  total(): Promise<Snapshot> {
    this.#round ??= this.#collect().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #collect(): Promise<Snapshot> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#complete = resolve;
    this.#unanswered = new Set(this.#last.keys());
    const late = setTimeout(resolve, this.#patienceMs);
    for (const worker of this.#last.keys()) this.#ask(worker);
    if (this.#unanswered.size > 0) await promise;
    clearTimeout(late);
    // However many workers come and go, one snapshot holds what they counted.
    this.#gone.push(await merge(this.#gone.splice(0)).getMetricsAsJSON());
    return await merge([...this.#last.values(), ...this.#gone]).getMetricsAsJSON();
  }

  #heard(worker: W): void {
    this.#unanswered.delete(worker);
    if (this.#unanswered.size === 0) this.#complete();
  }
}

/** Lets the primary collect the figures of its workers and hand them to whichever worker is asked. */
export function collectFromWorkers(): void {
  // Without a callback, a message to a worker that has just ended would end the primary; it is removed when that is seen.
  const send = (worker: Worker, message: FromPrimary): void => void worker.send(message, () => undefined);
  const workers = new WorkerFigures<Worker>(
    (worker) => send(worker, { figures: "collect" }),
    WORKER_PATIENCE_MS,
  );
  cluster.on("message", (worker, message: FromWorker) => {
    if (message.figures === "ready") workers.add(worker);
    else if (message.figures === "mine") workers.answer(worker, message.snapshot);
    else if (message.figures === "wanted")
      workers.total().then(
        (snapshot) => send(worker, { figures: "total", snapshot }),
        (error) => send(worker, { figures: "failed", reason: String(error) }),
      );
  });
  for (const end of ["disconnect", "exit"] as const)
    cluster.on(end, (worker: Worker) => workers.remove(worker));
}

/**
 * Lets this worker's figures be collected. Call it once.
 *
 * @param onError hears why figures could not be sent; the primary then goes on with the last ones.
 * @returns gives the figures of all workers of the primary. Throws when the primary does not answer within 2 s: figures of
 *   one worker in place of all would look like a restart.
 */
export function joinWorkers(registry: Registry, onError: (error: unknown) => void): () => Promise<Registry> {
  let asked: PromiseWithResolvers<Snapshot> | undefined;
  const send = (message: FromWorker): void =>
    void process.send?.(message, undefined, {}, (error) => {
      if (error) onError(error);
    });
  process.on("message", (message: FromPrimary) => {
    if (message.figures === "collect")
      registry.getMetricsAsJSON().then((snapshot) => send({ figures: "mine", snapshot }), onError);
    else if (message.figures === "total") asked?.resolve(message.snapshot);
    else if (message.figures === "failed") asked?.reject(new Error(message.reason));
  });
  send({ figures: "ready" });

  return async () => {
    if (!asked) {
      const question = Promise.withResolvers<Snapshot>();
      asked = question;
      const late = setTimeout(
        () =>
          question.reject(new Error(`the primary process gave no figures within ${PRIMARY_PATIENCE_MS} ms`)),
        PRIMARY_PATIENCE_MS,
      );
      const settled = (): void => {
        clearTimeout(late);
        asked = undefined;
      };
      question.promise.then(settled, settled);
      send({ figures: "wanted" });
    }
    return merge([await asked.promise]);
  };
}

function merge(snapshots: readonly Snapshot[]): Registry {
  return AggregatorRegistry.aggregate([...snapshots]);
}
