import { createHash, hash } from "node:crypto";

/** What a transaction's hash covers; the same as the database function transaction_hash. */
export interface HashedTransaction {
  readonly from: string;
  readonly to: string;
  /** micro-DYO */
  readonly amount: number;
  readonly nonce: number;
  readonly type: string;
}

/** SHA-256 of a transaction, hex. */
export function transactionHash({ from, to, amount, nonce, type }: HashedTransaction): string {
  return hash("sha256", `dujyo-tx-v1|${from}|${to}|${amount}|${nonce}|${type}|`, "hex");
}

/** A sealed block; hashes in hex, time in microseconds since 1970. */
export interface GeneratedBlock {
  readonly height: number;
  readonly hash: string;
  readonly previousHash: string;
  readonly root: string;
  readonly time: number;
  readonly transactions: number;
  readonly validator: string;
}

/** Links blocks to a chain as the database function block_hash does. */
export class Chain {
  private height: number;
  private tip: string;

  /** @param tip hash of the block at `height`, hex */
  constructor(height: number, tip: string) {
    this.height = height;
    this.tip = tip;
  }

  /** Seals the next block over transaction hashes (hex) in booking order. */
  seal(hashes: readonly string[], time: number, validator: string): GeneratedBlock {
    const digest = createHash("sha256");
    for (const each of hashes) digest.update(each, "hex");
    const root = digest.digest("hex");
    const previousHash = this.tip;
    this.height += 1;
    this.tip = hash(
      "sha256",
      `dujyo-block-v1|${this.height}|${previousHash}|${root}|${time}|${hashes.length}|${validator}`,
      "hex",
    );
    return {
      height: this.height,
      hash: this.tip,
      previousHash,
      root,
      time,
      transactions: hashes.length,
      validator,
    };
  }
}
