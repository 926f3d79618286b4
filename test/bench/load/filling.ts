import type { InsideAddress } from "../inside.ts";
import type { BenchStack } from "../stack.ts";
import { databaseCalls } from "./database-calls.ts";
import { wrk } from "./wrk.ts";

/** Share of answers from the database at which the caches are taken for filled. */
const FILLED_SHARE = 0.001;
/** Of connections: fewer than are ever refused. */
const FILLERS = 32;
const LIMIT_MS = 180_000;

export interface FillingArgs {
  /** Who is asked: the stack's gateway unless it is another process on this machine. */
  readonly server?: Pick<InsideAddress, "port"> & Partial<InsideAddress>;
  /** Of one pass, in which each is asked for at least once. */
  readonly seconds: number;
}

/** Asks for each of these paths until hardly any answer comes from the database. @throws Error where that is not so after three minutes */
export async function fillCaches(
  stack: BenchStack,
  paths: readonly string[],
  { server = stack.inside.gateway, seconds }: FillingArgs,
): Promise<void> {
  // Entries from before would be over in the middle of what follows.
  await stack.emptyCache();
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const before = await databaseCalls(stack);
    const load = { requests: paths, folder: stack.folder, seconds, connections: FILLERS };
    const { requests: answered, errors } = await wrk({ ...server, ...load });
    if (errors > 0) throw new Error(`${errors} of ${answered} reads failed while the caches were filled`);
    const share = ((await databaseCalls(stack)).reads - before.reads) / answered;
    if (share < FILLED_SHARE) return;
    if (Date.now() > deadline) throw new Error(`${(share * 100).toFixed(1)} % of the reads are still misses`);
  }
}

/** Balance and newest page of a history of each. */
export function pathsOf(accounts: readonly string[]): string[] {
  return ["balance", "transactions"].flatMap((view) => accounts.map((at) => `/${view}/${at}`));
}
