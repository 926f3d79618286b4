import { createSecretKey } from "node:crypto";
import type { KeyRing } from "../../tools/data/personal-fields.ts";
import type { DataSize } from "../../tools/data/sizes.ts";

/** Enough for statistics to mean something, loaded in about a second. */
export const SMALL: DataSize = {
  users: 1_000,
  transactions: 12_000,
  blocks: 500,
  pools: 5,
  positions: 400,
  days: 60,
};

/** The present hour: views that look at the last day find rows. */
export const UNTIL = new Date();

export const testKeys: KeyRing = {
  index: createSecretKey(Buffer.alloc(32, 2)),
  encryption: new Map([[1, createSecretKey(Buffer.alloc(32, 1))]]),
  newest: 1,
};
