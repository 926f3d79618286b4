import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Change } from "../../../service/src/cache/coherence.ts";
import type { CacheEntry } from "../../../service/src/cache/entry.ts";
import { accountKey } from "../../../service/src/cache/keys.ts";
import type { NodeReader } from "../../../service/src/database/node-reader.ts";
import { Problem } from "../../../service/src/errors.ts";
import { Submit, type TransferRequest } from "../../../service/src/ledger/submit.ts";
import { Balances } from "../../../service/src/repositories/balances.ts";
import { Histories, type Page } from "../../../service/src/repositories/history.ts";
import type { Booking } from "../../../service/src/repositories/ledger.ts";
import { FakeShared } from "../support/fake-shared.ts";
import { createProcess } from "../support/in-memory-process.ts";

const TTL_MS = 30_000;
const ORDER: TransferRequest = { from: "A", to: "B", amount: 10, nonce: 3, key: "k", nftId: undefined };
const BOOKING: Booking = {
  tx_id: "77",
  tx_hash: "ab",
  created_at: new Date(),
  block_height: 9,
  sealed_height: 8,
  replayed: false,
  from_balance: 90,
  from_version: 5,
  from_nonce: 3,
  to_balance: 10,
  to_version: 1,
  lsn: "0/1F",
};

const HISTORY = accountKey("history", "A");
const BALANCE = accountKey("balance", "A");
const DETAIL = accountKey("detail", "A");

describe("a submitted transfer", () => {
  let shared: FakeShared;
  let announced: (readonly Change[])[];
  let told: (readonly Change[])[];
  let unsettled: string[];

  beforeEach(() => {
    shared = new FakeShared();
    [announced, told, unsettled] = [[], [], []];
  });
  afterEach(() => void vi.useRealTimers());

  interface Faults {
    readonly book?: () => Booking;
    readonly announce?: () => void;
    readonly tell?: () => void;
  }

  function create({ book = () => BOOKING, announce, tell }: Faults = {}) {
    const process = createProcess(shared, "a");
    const ttlMs = { balance: TTL_MS, tokenBalance: TTL_MS, history: TTL_MS, stats: TTL_MS, dexPool: TTL_MS };
    // Reads would come from a node; what is put needs none.
    const reader = {} as NodeReader;
    const histories = new Histories(reader, TTL_MS);
    const submit = new Submit({
      ledger: {
        transfer: async () => book(),
        announce: async (changes) => {
          announce?.();
          announced.push(changes);
        },
      },
      ...{ cache: process.cache, shared, coherence: process.coherence, histories },
      balances: new Balances(reader, ttlMs),
      peers: {
        tellChanged: async (changes) => {
          tell?.();
          told.push(changes);
        },
      },
      unsettled: { add: (addresses) => void unsettled.push(...addresses) },
      onCacheError: () => undefined,
    });
    /** Puts the first page of A's history, with one earlier transaction on it, into both caches. */
    const putPage = async (version: number, tip: number): Promise<void> => {
      const page: Page = { transactions: [{ ...EARLIER }], next_cursor: null, prev_cursor: EARLIER.id };
      await process.cache.put(
        histories.head("A"),
        {
          ...{ kind: "value", version, second: tip, readAt: Date.now(), wrongAtTip: 0, from: "replica" },
          body: JSON.stringify(page),
        },
        1,
      );
    };
    const inL1 = (key: string) => process.l1.get(key);
    return { ...process, submit, putPage, inL1 };
  }

  const body = (entry: CacheEntry | undefined) => JSON.parse(String(entry?.body));

  it("puts the new balances into both caches, tells the others, and gives a token", async () => {
    const { submit, inL1 } = create();
    const answer = await submit.run(ORDER);

    expect(body(shared.entries.get(BALANCE))).toMatchObject({ address: "A", balance: 90 });
    expect(body(shared.entries.get(accountKey("balance", "B")))).toMatchObject({ balance: 10 });
    expect(inL1(BALANCE)).toMatchObject({ version: 5 });
    expect(shared.entries.get(DETAIL)).toMatchObject({ kind: "tombstone", version: 5 });
    expect(told).toEqual([
      [
        ["A", 5],
        ["B", 1],
      ],
    ]);
    expect(announced).toEqual([]);
    expect(answer.readAfter).toBe("0/1F;A=5;B=1");
  });

  it("puts the transaction at the head of the page before it", async () => {
    const { submit, putPage, inL1 } = create();
    await putPage(4, 8);
    await submit.run(ORDER);

    for (const entry of [shared.entries.get(HISTORY), inL1(HISTORY)]) {
      expect(entry).toMatchObject({ kind: "value", version: 5, wrongAtTip: 9 });
      expect(body(entry).transactions.map(({ id }: { id: string }) => id)).toEqual(["77", EARLIER.id]);
    }
  });

  it.each([
    ["of an older version", 3],
    ["that another booking overtook", 6],
  ])("does not build upon a page %s", async (_, version) => {
    const { submit, putPage } = create();
    await putPage(version, 8);
    await submit.run(ORDER);

    expect(shared.entries.get(HISTORY)).toMatchObject(
      version > 5 ? { kind: "value", version } : { kind: "tombstone", version: 5 },
    );
  });

  it("marks a page that lacks it where a refill with a newer tip came in between", async () => {
    const { submit, putPage, inL1 } = create();
    await putPage(4, 8);
    const get = shared.get.bind(shared);
    shared.get = async (key) => {
      const before = await get(key);
      // Another instance, which has not heard of the booking, reads from a replica that has seen one more block.
      if (key === HISTORY && before) shared.entries.set(key, { ...before, second: 9 });
      return before;
    };
    await submit.run(ORDER);

    expect(shared.entries.get(HISTORY)).toMatchObject({ kind: "tombstone", version: 5, second: 9 });
    expect(inL1(HISTORY)).toBeUndefined();
  });

  it("shows nothing older in the process that wrote, not even while it is being carried into the caches", async () => {
    const { submit, putPage, cache } = create();
    await putPage(4, 8);
    const seen: unknown[] = [];
    shared.get = async () => {
      seen.push(cache.peek(HISTORY, () => expect.unreachable() as never));
      throw new Error("the shared cache is away");
    };
    await submit.run(ORDER);

    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((held) => held !== undefined)).toEqual([]);
    expect(announced).toHaveLength(1);
  });

  it("is not taken for newer than its booking", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { submit, putPage, trust, inL1 } = create({
      book: () => {
        // While the answer is on its way, a change by someone else goes unheard.
        vi.setSystemTime(Date.now() + 1000);
        trust.raiseHorizon();
        vi.setSystemTime(Date.now() + 1000);
        return BOOKING;
      },
    });
    await putPage(4, 8);
    await submit.run(ORDER);

    const later = Date.now() + 3000;
    trust.prove("listen", later);
    for (const key of [BALANCE, HISTORY]) {
      const entry = inL1(key);
      expect(entry?.version).toBe(5);
      expect(entry && trust.fresh(entry, later), key).toBe(false);
    }
  });

  it("is announced by the database where the shared cache does not take it", async () => {
    const { submit, inL1 } = create();
    shared.down = true;
    await submit.run(ORDER);

    expect(announced).toEqual([
      [
        ["A", 5],
        ["B", 1],
      ],
    ]);
    expect(unsettled).toEqual([]);
    expect(body(inL1(BALANCE))).toMatchObject({ balance: 90 });
  });

  it("is announced by the database where the other instances could not be told", async () => {
    const { submit } = create({
      tell: () => {
        throw new Error("no channel");
      },
    });
    await submit.run(ORDER);

    expect(announced).toHaveLength(1);
  });

  it("leaves accounts to be looked after where not even the database could announce it", async () => {
    const { submit } = create({
      announce: () => {
        throw new Error("no primary");
      },
    });
    shared.down = true;

    expect((await submit.run(ORDER)).tx_hash).toBe("ab");
    expect(unsettled).toEqual(["A", "B"]);
  });

  it("leaves accounts to be looked after where its outcome is unknown", async () => {
    const { submit } = create({
      book: () => {
        throw new Problem("commit_unknown");
      },
    });

    await expect(submit.run(ORDER)).rejects.toMatchObject({ code: "commit_unknown" });
    expect(unsettled).toEqual(["A", "B"]);
  });

  it("marks what is older than the first booking when it is a repeat, and puts no balance of then", async () => {
    const { submit, putPage } = create({ book: () => ({ ...BOOKING, replayed: true }) });
    await putPage(4, 8);
    await submit.run(ORDER);

    expect(shared.entries.get(HISTORY)).toMatchObject({ kind: "tombstone", version: 5 });
    expect(shared.entries.get(BALANCE)).toMatchObject({ kind: "tombstone", version: 5 });
    expect(told).toHaveLength(1);
  });
});

const EARLIER = {
  id: "12",
  hash: "cd",
  from: "C",
  to: "A",
  amount: 1,
  type: "transfer",
  status: "confirmed",
  block_height: 4,
  timestamp: 1_700_000_000_000,
  created_at: "2023-11-14T22:13:20.000Z",
} as const;
