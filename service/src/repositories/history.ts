import { accountKey } from "../cache/keys.ts";
import type { Loaded } from "../cache/read-through.ts";
import { type NodeReader, REPLAYED, type ReplayedRow } from "../database/node-reader.ts";
import { type Content, json, sourceOf, type ViewSource } from "./view.ts";

/** Entries on the first page, the one that is cached. */
export const PAGE_SIZE = 50;

const NEWEST = "9223372036854775807";

const page = (name: string, bound: string, order: string) => ({
  name,
  text: `SELECT s.version, s.sealed_height, ${REPLAYED}, p.tx_id::text AS tx_id, encode(p.tx_hash, 'hex') AS tx_hash,
      p.created_at, p.side, p.counterparty, p.amount, p.block_height, p.transaction_type
    FROM (
      SELECT c.sealed_height, coalesce((SELECT b.version FROM balances b WHERE b.address = $1), 0) AS version
      FROM chain_state c
    ) s
    LEFT JOIN LATERAL (
      SELECT * FROM postings WHERE address = $1 AND tx_id ${bound} $2::bigint ORDER BY tx_id ${order} LIMIT $3
    ) p ON true`,
});

const OLDER = page("history-older", "<", "DESC");
const NEWER = page("history-newer", ">", "ASC");

interface PostingRow extends ReplayedRow {
  readonly version: number;
  readonly sealed_height: number;
  readonly tx_id: string | null;
  readonly tx_hash: string;
  readonly created_at: Date;
  readonly side: -1 | 0 | 1;
  readonly counterparty: string;
  readonly amount: number;
  readonly block_height: number | null;
  readonly transaction_type: string;
}

export interface HistoryTransaction {
  readonly id: string;
  readonly hash: string;
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  readonly type: string;
  readonly status: "pending" | "confirmed" | "failed";
  readonly block_height: number | null;
  readonly timestamp: number;
  readonly created_at: string;
}

export interface Page {
  readonly transactions: readonly HistoryTransaction[];
  readonly next_cursor: string | null;
  readonly prev_cursor: string | null;
}

/** Status is a function of the block a booking went into and of the last sealed one. */
export function chainState(
  blockHeight: number | null,
  sealed: number,
): Pick<HistoryTransaction, "status" | "block_height"> {
  if (blockHeight === null) return { status: "failed", block_height: null };
  if (blockHeight <= sealed) return { status: "confirmed", block_height: blockHeight };
  return { status: "pending", block_height: null };
}

export interface PageRequest {
  readonly before?: string;
  readonly after?: string;
  readonly limit: number;
}

/** Accounts' histories as the API answers them, newest first. */
export class Histories {
  readonly #reader: NodeReader;
  readonly #ttlMs: number;

  constructor(reader: NodeReader, ttlMs: number) {
    this.#reader = reader;
    this.#ttlMs = ttlMs;
  }

  /** The first page in its usual size. */
  head(address: string): ViewSource {
    return this.page(address, { limit: PAGE_SIZE });
  }

  page(address: string, { before, after, limit }: PageRequest): ViewSource {
    return sourceOf<PostingRow>(
      {
        key: accountKey("history", address),
        ttlMs: this.#ttlMs,
        statement: after === undefined ? OLDER : NEWER,
        // One more than asked for tells whether there is a further page.
        values: [address, after ?? before ?? NEWEST, limit + 1],
        content: (rows) => pageContent(address, rows, limit, after),
      },
      this.#reader,
    );
  }
}

function pageContent(
  address: string,
  rows: readonly PostingRow[],
  limit: number,
  after: string | undefined,
): Content {
  const backwards = after !== undefined;
  const found = rows.filter((row) => row.tx_id !== null);
  const shown = found.slice(0, limit);
  if (backwards) shown.reverse();
  const sealed = rows[0]?.sealed_height ?? 0;
  const pending = shown.flatMap(({ block_height: height }) =>
    height !== null && height > sealed ? [height] : [],
  );
  const more = found.length > limit;
  const body: Page = {
    transactions: shown.map((row) => toTransaction(address, row, sealed)),
    next_cursor: (backwards ? shown.length > 0 : more) ? (shown.at(-1)?.tx_id ?? null) : null,
    // An empty answer to "anything newer?" can be asked again from the same place.
    prev_cursor: shown[0]?.tx_id ?? after ?? null,
  };
  const version = rows[0]?.version ?? 0;
  return {
    kind: version === 0 && found.length === 0 ? "absent" : "value",
    version,
    second: sealed,
    wrongAtTip: pending.length > 0 ? Math.min(...pending) : 0,
    body: json(body),
  };
}

function toTransaction(address: string, row: PostingRow, sealed: number): HistoryTransaction {
  return {
    id: row.tx_id ?? "",
    hash: row.tx_hash,
    from: row.side > 0 ? row.counterparty : address,
    to: row.side < 0 ? row.counterparty : address,
    amount: row.amount,
    type: row.transaction_type,
    ...chainState(row.block_height, sealed),
    timestamp: row.created_at.getTime(),
    created_at: row.created_at.toISOString(),
  };
}

const BEGIN = '{"transactions":[';
const BETWEEN = "},{";
const END = '],"next_cursor":';

/**
 * The first page after an own booking, made from the text of the page before it. The text is cut where one transaction ends and
 * the next begins, since reading and writing it whole would cost more than the rest of the booking does here: no field of a
 * transaction has braces, what an account or a type may be called is bounded.
 * @param height block that the booking went into.
 */
export function prepend(
  before: { readonly body: string; readonly wrongAtTip: number; readonly second: number },
  booked: HistoryTransaction,
  height: number,
  version: number,
  at: number,
): Loaded {
  const end = before.body.lastIndexOf(END);
  const old = before.body.slice(BEGIN.length + 1, end - 1);
  const { next_cursor: next } = JSON.parse(`{${before.body.slice(end + 2)}`) as Pick<Page, "next_cursor">;
  const transactions = [json(booked).slice(1, -1), ...(old === "" ? [] : old.split(BETWEEN))];
  const cut = transactions.length > PAGE_SIZE;
  if (cut) transactions.pop();
  const last = JSON.parse(`{${transactions.at(-1)}}`) as HistoryTransaction;
  const cursors = json({ next_cursor: cut ? last.id : next, prev_cursor: booked.id });
  const wrongAtTip = before.wrongAtTip === 0 ? height : Math.min(before.wrongAtTip, height);
  return {
    kind: "value",
    version,
    second: before.second,
    readAt: at,
    wrongAtTip,
    body: `${BEGIN}{${transactions.join(BETWEEN)}}],${cursors.slice(1)}`,
    from: "primary",
  };
}
