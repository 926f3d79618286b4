import { withSession } from "../postgres/session.ts";
import type { WayIn } from "./way-in.ts";

/** Requests a second: enough for every rate, little enough for a laptop. */
const PER_SECOND = 20;

export interface TrafficResult {
  readonly answered: number;
  /** No answer, or one that tells of a fault of the stack (5xx). */
  readonly failed: number;
}

/** Marks in the write-ahead log, a second: Patroni tells the consensus store of a new position once a loop. */
const MARKS_PER_SECOND = 1;

/**
 * Sends light traffic through the API until told to stop: reads that hit and miss every cache layer, and requests that are
 * refused as bad (4xx). Marks in the write-ahead log, which change no table, keep replication and the consensus store moving.
 *
 * @returns ends the traffic and tells what became of it
 */
export function startTraffic({ ask, writer }: Pick<WayIn, "ask" | "writer">): () => Promise<TrafficResult> {
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
      const status = await ask(path);
      if (status !== undefined && status < 500) result.answered++;
      else result.failed++;
      await next;
    }
  })();
  const marks = withSession(writer, async (client) => {
    while (!over) {
      await client.query("SELECT pg_logical_emit_message(false, 'dujyo', 'monitoring check')");
      await new Promise((resolve) => setTimeout(resolve, 1_000 / MARKS_PER_SECOND));
    }
  }).catch(() => {
    // A drill ends the session; what is lacking for want of marks is reported as such.
  });
  return async () => {
    over = true;
    await Promise.all([work, marks]);
    return result;
  };
}
