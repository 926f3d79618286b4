import type { Cluster, Redis } from "ioredis";

/** Keys that one SCAN looks at, and that are unlinked together. */
const BATCH = 500;

/** The glob pattern of all keys that begin with `prefix`, taken literally. */
export function prefixPattern(prefix: string): string {
  return `${prefix.replace(/[*?[\]\\]/g, "\\$&")}*`;
}

/**
 * Removes every key with a prefix from every primary; the server frees the memory in the background. Reads go on: what is
 * missing is filled from the database.
 *
 * @param remove false: only count
 * @returns keys by the primary's address
 */
export async function flushPrefix(
  cluster: Cluster,
  prefix: string,
  remove: boolean,
): Promise<Record<string, number>> {
  // The nodes are known after the first answer.
  await cluster.get(`${prefix}-`);
  const counts = await Promise.all(
    cluster.nodes("master").map(async (node) => {
      const { host, port } = node.options;
      return [`${host}:${port}`, await flushNode(node, prefix, remove)] as const;
    }),
  );
  return Object.fromEntries(counts);
}

async function flushNode(node: Redis, prefix: string, remove: boolean): Promise<number> {
  let found = 0;
  let cursor = "0";
  do {
    const [next, keys] = await node.scan(cursor, "MATCH", prefixPattern(prefix), "COUNT", BATCH);
    cursor = next;
    found += keys.length;
    // One by one: keys of different slots may not stand in one command, even on one node.
    if (remove && keys.length > 0) await Promise.all(keys.map((key) => node.unlink(key)));
  } while (cursor !== "0");
  return found;
}
