import type { Loaded, Source } from "../cache/read-through.ts";
import type { NodeAnswer, NodeReader, ReplayedRow } from "../database/node-reader.ts";
import type { Statement } from "../database/read-lane.ts";

/** What a statement's rows mean to a cache. */
export type Content = Pick<Loaded, "kind" | "version" | "second" | "wrongAtTip" | "body">;

/** A cacheable answer: where it is kept, what it is read with, and how its text is made. */
export interface View<R extends ReplayedRow> {
  readonly key: string;
  readonly ttlMs: number;
  readonly statement: Statement;
  readonly values: readonly unknown[];
  /** @param readAt epoch milliseconds up to which the rows are known to be current. */
  content(rows: readonly R[], readAt: number): Content;
}

export interface ViewSource extends Source {
  /** From a node that has replayed this position of the log. */
  loadAfter(lsn: string): Promise<Loaded>;
}

export function sourceOf<R extends ReplayedRow>(view: View<R>, reader: NodeReader): ViewSource {
  const { key, ttlMs, statement, values } = view;
  const loaded = ({ rows, from, readAt }: NodeAnswer<R>): Loaded => ({
    ...view.content(rows, readAt),
    from,
    readAt,
  });
  return {
    key,
    ttlMs,
    load: async (node) => loaded(await reader.read<R>(statement, values, node)),
    loadAfter: async (lsn) => loaded(await reader.readAfter<R>(lsn, statement, values)),
  };
}

export function json(value: unknown): string {
  return JSON.stringify(value);
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
