import type { Comparison } from "../comparison.ts";
import { beforeAndAfter } from "./before-and-after.ts";
import { cacheClients } from "./cache-clients.ts";
import { cacheOperations } from "./cache-operations.ts";
import { connections } from "./connections.ts";
import { fromRedis } from "./from-redis.ts";
import { historyPage } from "./history-page.ts";
import { l1Hit } from "./l1-hit.ts";
import { measuring } from "./measuring.ts";
import { missPath } from "./miss-path.ts";
import { overload } from "./overload.ts";
import { program } from "./program.ts";
import { quorumWrites } from "./quorum-writes.ts";
import { routing } from "./routing.ts";
import { soak } from "./soak.ts";
import { wholeStack } from "./whole-stack.ts";

/** In the order in which they run. */
export const COMPARISONS: readonly Comparison[] = [
  l1Hit,
  fromRedis,
  historyPage,
  missPath,
  routing,
  cacheOperations,
  wholeStack,
  overload,
  measuring,
  program,
  soak,
  quorumWrites,
  connections,
  cacheClients,
  beforeAndAfter,
];
