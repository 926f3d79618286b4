import { beforeEach, describe, expect, it } from "vitest";

import { ACCOUNT_VIEWS, accountKey, poolKey } from "../../../service/src/cache/keys.ts";
import { FakeShared } from "../support/fake-shared.ts";
import { content, createProcess } from "../support/in-memory-process.ts";

const KEYS = [...ACCOUNT_VIEWS.map((view) => accountKey(view, "A")), poolKey("A")];

describe("what a process does when it hears of a change", () => {
  let shared: FakeShared;

  beforeEach(() => {
    shared = new FakeShared();
  });

  /** A process that holds version 4 (second 2) of everything that bears the name, as does the shared cache. */
  async function filled(floorsLimit?: number) {
    const process = createProcess(shared, "a", floorsLimit);
    for (const key of KEYS) {
      const source = { key, ttlMs: 30_000, load: async () => content(4) };
      await process.cache.put(source, { ...content(4), second: 2 }, 1);
    }
    return process;
  }

  const kinds = () => KEYS.map((key) => shared.entries.get(key)?.kind);

  it.each([
    ["balances", ["balance", "detail", "history"]],
    ["token_balances", ["detail"]],
    ["dex_pools", ["pool"]],
  ] as const)("drops and marks what shows rows of %s, and nothing else", async (table, views) => {
    const { coherence, l1, floors } = await filled();
    coherence.invalidate(table, [["A", 5]]);

    const hit = KEYS.map((key) => views.some((view) => key.endsWith(`:${view}`)));
    expect(KEYS.map((key) => l1.get(key) === undefined)).toEqual(hit);
    expect(KEYS.map((key) => !floors.allows(key, { version: 4, second: 2 }))).toEqual(hit);
    expect(kinds()).toEqual(hit.map((is) => (is ? "tombstone" : "value")));
  });

  it("keeps what has seen the change already", async () => {
    const { coherence, l1 } = await filled();
    coherence.invalidate("balances", [["A", 4]]);
    coherence.invalidate("token_balances", [["A", 2]]);
    coherence.raise(KEYS[0] ?? "", 4);

    expect(KEYS.map((key) => l1.get(key)?.version)).toEqual([4, 4, 4, 4]);
    expect(kinds()).toEqual(["value", "value", "value", "value"]);
  });

  it("leaves the shared cache to the instance that wrote", async () => {
    const { coherence, l1 } = await filled();
    coherence.forgetAccounts([["A", 5]]);

    expect(KEYS.map((key) => l1.get(key)?.version)).toEqual([undefined, undefined, undefined, 4]);
    expect(kinds()).toEqual(["value", "value", "value", "value"]);
  });

  it("drops what it holds below a floor, so that no hit shows it", async () => {
    const { coherence, cache } = await filled();
    const key = KEYS[0] ?? "";
    const source = () => ({ key, ttlMs: 30_000, load: async () => content(5) });
    expect(cache.peek(key, source)?.entry.version).toBe(4);
    coherence.raise(key, 5);

    expect(cache.peek(key, source)).toBeUndefined();
    expect((await cache.get(source())).entry.version).toBe(5);
  });

  it("no longer vouches for shared entries when a marker could not be put", async () => {
    const { coherence, trust, errors } = await filled();
    const before = trust.vouchedFrom;
    shared.down = true;
    coherence.invalidate("balances", [["A", 5]]);
    await expect.poll(() => errors.length).toBe(1);

    expect(trust.vouchedFrom).toBeGreaterThan(before);
  });

  it("lets go of everything when it can not remember more floors", async () => {
    const { coherence, l1, floors } = await filled(2);
    // An account has one, whatever shows it.
    coherence.invalidate("balances", [
      ["B", 1],
      ["C", 1],
    ]);
    expect([l1.size, floors.size]).toEqual([4, 2]);
    coherence.invalidate("balances", [["D", 1]]);

    // The other two views of the account are marked anew after all was let go.
    expect([l1.size, floors.size]).toEqual([0, 1]);
  });
});
