import { Random } from "../../../tools/data/random.ts";
import type { BenchStack } from "../stack.ts";
import { choosePayers, readNonces } from "./payers.ts";
import { Traffic } from "./traffic.ts";
import { type WrkFigures, wrk } from "./wrk.ts";

/** So many that a payer's last transfer is over when its next one comes. */
const PAYERS = 1_000;
/** Connections, which pause at random before each request. */
const READERS = 256;
const WRITERS = 64;
/** Reads are sent again from the first one on after that many; writes can not be. */
const READS = 500_000;

export interface MixedLoad {
  readonly accounts: readonly string[];
  /** A second. @default 0 */
  readonly reads?: number;
  /** A second. */
  readonly writes: number;
}

export interface MixedFigures {
  readonly writes: WrkFigures;
  /** Of reads and writes. */
  readonly errors: number;
}

/** Sends reads and writes at these rates to the stack's gateway, each from connections of its own. */
export async function mixedLoad(
  stack: BenchStack,
  { accounts, reads = 0, writes }: MixedLoad,
): Promise<(seconds: number) => Promise<MixedFigures>> {
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
    const [written, read] = await Promise.all([
      send(traffic.writes(seconds * writes * 2), WRITERS, writes),
      reads > 0 ? send(traffic.requests(READS, false), READERS, reads) : undefined,
    ]);
    return { writes: written, errors: written.errors + (read?.errors ?? 0) };
  };
}
