import { createSecretKey } from "node:crypto";
import type { PersonalDataKeys } from "../../tools/data/people.ts";
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

export const testKeys: PersonalDataKeys = {
  encryption: createSecretKey(Buffer.alloc(32, 1)),
  blindIndex: createSecretKey(Buffer.alloc(32, 2)),
};
