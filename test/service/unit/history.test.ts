import { describe, expect, it } from "vitest";

import {
  chainState,
  type HistoryTransaction,
  PAGE_SIZE,
  type Page,
  prepend,
} from "../../../service/src/repositories/history.ts";

const transaction = (id: string): HistoryTransaction => ({
  id,
  hash: "00",
  from: "A",
  to: "B",
  amount: 1,
  type: "transfer",
  status: "pending",
  block_height: null,
  timestamp: 0,
  created_at: "",
});

const pageOf = (count: number): string =>
  JSON.stringify({
    transactions: Array.from({ length: count }, (_, at) => transaction(String(count - at))),
    next_cursor: null,
    prev_cursor: String(count),
  });

describe("the status of a transaction", () => {
  it("follows from its block and the last sealed one", () => {
    expect(chainState(null, 5)).toEqual({ status: "failed", block_height: null });
    expect(chainState(5, 5)).toEqual({ status: "confirmed", block_height: 5 });
    expect(chainState(6, 5)).toEqual({ status: "pending", block_height: null });
  });
});

describe("a first page that an own booking extends", () => {
  it("begins with it and ends where a page ends", () => {
    const next = prepend({ body: pageOf(PAGE_SIZE), wrongAtTip: 0, second: 4 }, transaction("51"), 5, 8, 0);
    const page = JSON.parse(next.body) as Page;
    expect(page.transactions).toHaveLength(PAGE_SIZE);
    expect(page.transactions[0]?.id).toBe("51");
    expect(page.next_cursor).toBe("2");
    expect(page.prev_cursor).toBe("51");
    expect(next).toMatchObject({ version: 8, second: 4, wrongAtTip: 5 });
  });

  it("has no next page while everything fits", () => {
    const next = prepend({ body: pageOf(2), wrongAtTip: 3, second: 1 }, transaction("3"), 5, 3, 0);
    const page = JSON.parse(next.body) as Page;
    expect(page.transactions).toHaveLength(3);
    expect(page.next_cursor).toBeNull();
    expect(next.wrongAtTip).toBe(3);
  });

  it("is the text that its content has, whatever was on it before", () => {
    for (const count of [0, 1, 2, PAGE_SIZE - 1, PAGE_SIZE]) {
      const before = pageOf(count);
      const booked = transaction(String(count + 1));
      const { body } = prepend({ body: before, wrongAtTip: 0, second: 4 }, booked, 5, 8, 0);
      const page = JSON.parse(before) as Page;
      const transactions = [booked, ...page.transactions].slice(0, PAGE_SIZE);
      expect(body).toBe(
        JSON.stringify({
          transactions,
          next_cursor: count < PAGE_SIZE ? null : transactions.at(-1)?.id,
          prev_cursor: booked.id,
        }),
      );
    }
  });

  it("keeps its way to older ones", () => {
    const full = { ...(JSON.parse(pageOf(PAGE_SIZE)) as Page), next_cursor: "1" };
    const before = { body: JSON.stringify(full), wrongAtTip: 0, second: 4 };
    const page = JSON.parse(prepend(before, transaction("51"), 5, 8, 0).body) as Page;
    expect([page.next_cursor, page.prev_cursor, page.transactions.length]).toEqual(["2", "51", PAGE_SIZE]);
  });
});
