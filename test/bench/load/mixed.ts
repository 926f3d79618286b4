import { Random } from "../../../tools/data/random.ts";
import type { Variant } from "../comparison.ts";
import type { BenchStack } from "../stack.ts";
import { choosePayers, readNonces } from "./payers.ts";
import { Traffic } from "./traffic.ts";
import { wrk } from "./wrk.ts";

/** So many that a payer's last transfer is over when its next one comes. */
export const PAYERS = 1_000;
/** Connections, which pause at random before each request. */
export const READERS = 256;
export const WRITERS = 64;
/** Reads are sent again from the first one on after that many; writes can not be. */
const READS = 500_000;

export interface MixedLoad {
  readonly accounts: readonly string[];
  /** A second. @default 0 */
  readonly reads?: number;
  /** A second. */
  readonly writes: number;
}

/**
 * Sends reads and writes at these rates to the stack's gateway, each from connections of its own.
 * @returns what measures it: rate and latencies of the writes, errors of both.
 */
export async function mixedLoad(
  stack: BenchStack,
  { accounts, reads = 0, writes }: MixedLoad,
): Promise<Variant["measure"]> {
  const payers = await choosePayers(stack, PAYERS);
  // Other requests each time: an idempotency key is used once.
  const random = new Random(Date.now(), "traffic");
  return async (seconds) => {
    await readNonces(stack, payers);
    const traffic = new Traffic({ accounts, payers, random });
    const send = (requests: readonly string[], connections: number, perSecond: number) =>
      wrk({
        ...{ ...stack.inside.gateway, folder: stack.folder, seconds, requests, connections },
        pauseMs: (connections * 1_000) / perSecond,
      });
    const [{ perSecond, mean, p50, p95, p99, errors }, read] = await Promise.all([
      send(traffic.writes(seconds * writes * 2), WRITERS, writes),
      reads > 0 ? send(traffic.requests(READS, false), READERS, reads) : undefined,
    ]);
    return { perSecond, mean, p50, p95, p99, errors: errors + (read?.errors ?? 0) };
  };
}
