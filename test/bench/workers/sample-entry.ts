import type { CacheEntry } from "../../../service/src/cache/entry.ts";

const body = JSON.stringify({ address: "x".repeat(42), balance: 1_234_567, timestamp: 1_700_000_000 });

/** As large as a balance, and good for an hour. */
export const SAMPLE_ENTRY: CacheEntry = {
  ...{ kind: "value", version: 7, second: 0, readAt: Date.now(), expiresAt: Date.now() + 3_600_000 },
  ...{ costMs: 1, wrongAtTip: 0, body, bytes: body.length, etag: undefined },
};
