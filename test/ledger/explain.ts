import type { Client } from "pg";

/** The parts of a plan node that the tests look at; buffers include those of the nodes below. */
export interface PlanNode {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly "Relation Name"?: string;
  readonly "Actual Loops": number;
  readonly "Heap Fetches"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

/**
 * Executes the query as a prepared statement with a generic plan, as the service's statements run in the end, and
 * returns the nodes that were executed, outermost first. A first run warms the session's catalogue and the buffers.
 */
export async function explain(
  client: Client,
  sql: string,
  values: readonly (string | number)[] = [],
): Promise<PlanNode[]> {
  await client.query("SET plan_cache_mode = force_generic_plan");
  await client.query(`PREPARE explained AS ${sql}`);
  try {
    const list = values.length === 0 ? "" : `(${values.map((value) => `'${value}'`).join(", ")})`;
    const run = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE explained${list}`;
    await client.query(run);
    const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(run);
    const top = rows[0]?.["QUERY PLAN"][0].Plan;
    return top ? flatten(top).filter((node) => node["Actual Loops"] > 0) : [];
  } finally {
    await client.query("DEALLOCATE explained");
  }
}

/** Shared buffers that a node and all below it touched. */
export function buffers(node: PlanNode | undefined): number {
  return node ? node["Shared Hit Blocks"] + node["Shared Read Blocks"] : Number.NaN;
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}
