/** Requests a second: enough for every rate, little enough for a laptop. */
const PER_SECOND = 20;

export interface TrafficResult {
  readonly answered: number;
  /** No answer, or one that tells of a fault of the stack (5xx). */
  readonly failed: number;
}

/**
 * Sends light traffic through the API until told to stop: reads that hit and miss every cache layer, and requests that are
 * refused as bad (4xx).
 *
 * @param base `http://127.0.0.1:8083`
 * @returns ends the traffic and tells what became of it
 */
export function startTraffic(base: string): () => Promise<TrafficResult> {
  const result = { answered: 0, failed: 0 };
  let over = false;
  const paths = (turn: number) => [
    `/balance/DU-check-${turn % 7}`,
    // Nobody has asked for this account before: a miss in both layers.
    `/balance/DU-check-${process.pid}-${turn}`,
    `/transactions/DU-check-${turn % 7}`,
    "/stats",
    "/blocks",
    "/holders/top",
    `/transactions/hash/${"0".repeat(64)}`,
    "/nowhere",
  ];
  const work = (async () => {
    for (let turn = 0; !over; turn++) {
      const path = paths(turn)[turn % 8] as string;
      const next = new Promise((resolve) => setTimeout(resolve, 1_000 / PER_SECOND));
      const response = await fetch(base + path, { signal: AbortSignal.timeout(5_000) }).catch(
        () => undefined,
      );
      await response?.arrayBuffer().catch(() => undefined);
      if (response && response.status < 500) result.answered++;
      else result.failed++;
      await next;
    }
  })();
  return async () => {
    over = true;
    await work;
    return result;
  };
}
