import { accountKey } from "../cache/keys.ts";
import type { Loaded } from "../cache/read-through.ts";
import type { CacheSettings } from "../config.ts";
import { type NodeReader, REPLAYED, type ReplayedRow } from "../database/node-reader.ts";
import { json, seconds, sourceOf, type ViewSource } from "./view.ts";

const BALANCE = {
  name: "balance",
  text: `SELECT b.balance, b.version, ${REPLAYED} FROM (SELECT) one LEFT JOIN balances b ON b.address = $1`,
};

const DETAIL = {
  name: "balance-detail",
  text: `SELECT b.balance, b.version, t.dys_balance, t.staked_balance, t.version AS token_version, ${REPLAYED}
    FROM (SELECT) one LEFT JOIN balances b ON b.address = $1 LEFT JOIN token_balances t ON t.address = $1`,
};

interface BalanceRow extends ReplayedRow {
  readonly balance: number | null;
  readonly version: number | null;
}

interface DetailRow extends BalanceRow {
  readonly dys_balance: number | null;
  readonly staked_balance: number | null;
  readonly token_version: number | null;
}

function balanceBody(address: string, balance: number, at: number): string {
  return json({ address, balance, timestamp: seconds(at) });
}

/** Balances as the API answers them. */
export class Balances {
  readonly #reader: NodeReader;
  readonly #ttlMs: CacheSettings["ttlMs"];

  constructor(reader: NodeReader, ttlMs: CacheSettings["ttlMs"]) {
    this.#reader = reader;
    this.#ttlMs = ttlMs;
  }

  balance(address: string): ViewSource {
    return sourceOf<BalanceRow>(
      {
        key: accountKey("balance", address),
        ttlMs: this.#ttlMs.balance,
        statement: BALANCE,
        values: [address],
        content: ([row], readAt) => ({
          kind: row?.version == null ? "absent" : "value",
          version: row?.version ?? 0,
          second: 0,
          wrongAtTip: 0,
          body: balanceBody(address, row?.balance ?? 0, readAt),
        }),
      },
      this.#reader,
    );
  }

  detail(address: string): ViewSource {
    return sourceOf<DetailRow>(
      {
        key: accountKey("detail", address),
        ttlMs: this.#ttlMs.tokenBalance,
        statement: DETAIL,
        values: [address],
        content: ([row], readAt) => {
          const [dyo, dys, staked] = [row?.balance ?? 0, row?.dys_balance ?? 0, row?.staked_balance ?? 0];
          return {
            kind: row?.version == null && row?.token_version == null ? "absent" : "value",
            version: row?.version ?? 0,
            second: row?.token_version ?? 0,
            wrongAtTip: 0,
            body: json({ address, dyo, dys, staked, total: dyo + dys + staked, timestamp: seconds(readAt) }),
          };
        },
      },
      this.#reader,
    );
  }

  /** The content after an own booking, without reading. */
  written(address: string, balance: number, version: number, at: number): Loaded {
    const body = balanceBody(address, balance, at);
    return { kind: "value", version, second: 0, readAt: at, wrongAtTip: 0, body, from: "primary" };
  }
}
