import { describe, expect, it } from "vitest";

import type { CacheEntry } from "../../../service/src/cache/entry.ts";
import { Trust } from "../../../service/src/cache/trust.ts";

const entry = (readAt: number): CacheEntry => ({
  kind: "value",
  version: 1,
  second: 0,
  readAt,
  expiresAt: readAt + 30_000,
  costMs: 1,
  wrongAtTip: 0,
  body: "",
  bytes: 0,
  etag: undefined,
});

describe("trust in cached entries", () => {
  it("reaches to their expiry while every session proves that it delivers", () => {
    const trust = new Trust(2000, ["listen", "peers"], 0);
    trust.prove("listen", 20_000);
    trust.prove("peers", 20_000);

    expect(trust.fresh(entry(10_000), 20_500)).toBe(true);
    expect(trust.fresh(entry(10_000), 40_001)).toBe(false);
  });

  it("ends within the bound when one session falls silent", () => {
    const trust = new Trust(2000, ["listen", "peers"], 0);
    trust.prove("listen", 20_000);
    trust.prove("peers", 23_000);

    expect(trust.fresh(entry(10_000), 21_500)).toBe(true);
    expect(trust.fresh(entry(10_000), 21_501)).toBe(false);
  });

  it("without proofs covers half the bound after the reading", () => {
    const trust = new Trust(2000, ["listen"], 0);

    expect(trust.fresh(entry(10_000), 11_000)).toBe(true);
    expect(trust.fresh(entry(10_000), 11_001)).toBe(false);
  });

  it("does not reach behind a gap", () => {
    const trust = new Trust(2000, ["listen"], 0);
    trust.raiseHorizon(15_000);
    trust.prove("listen", 20_000);

    expect(trust.fresh(entry(14_000), 20_000)).toBe(false);
    expect(trust.fresh(entry(16_000), 20_000)).toBe(true);
  });

  it("takes the word of an instance that missed nothing, if it was proved after the own gap", () => {
    const trust = new Trust(2000, ["listen"], 15_000);
    trust.prove("listen", 20_000);
    trust.heed("b", 5000, 14_000, 20_000);
    expect(trust.fresh(entry(10_000), 20_000)).toBe(false);
    trust.heed("b", 5000, 19_900, 20_000);
    expect(trust.fresh(entry(10_000), 20_000)).toBe(true);
  });

  it("follows that instance when it takes its word back", () => {
    const trust = new Trust(2000, ["listen"], 15_000);
    trust.prove("listen", 20_000);
    trust.heed("b", 5000, 19_900, 20_000);
    trust.heed("b", 19_000, 19_900, 20_000);

    expect(trust.fresh(entry(10_000), 20_000)).toBe(false);
  });

  it("takes nobody's word for entries from before a crash", () => {
    const trust = new Trust(2000, ["listen"], 0);
    trust.prove("listen", 20_000);
    trust.suspectShared(18_000);
    trust.heed("b", 5000, 19_900, 20_000);

    expect(trust.fresh(entry(17_000), 20_000)).toBe(false);
  });
});
