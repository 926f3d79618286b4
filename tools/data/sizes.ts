/** How many of each entity a data set has. */
export interface DataSize {
  readonly users: number;
  readonly transactions: number;
  /** Sealed blocks, the genesis block included. */
  readonly blocks: number;
  readonly pools: number;
  readonly positions: number;
  /** Length of the history. */
  readonly days: number;
}

export type SizeName = "test" | "dev" | "load";

export const SIZES: Readonly<Record<SizeName, DataSize>> = {
  test: { users: 1_000, transactions: 10_000, blocks: 1_000, pools: 3, positions: 100, days: 60 },
  dev: { users: 50_000, transactions: 500_000, blocks: 20_000, pools: 20, positions: 5_000, days: 75 },
  load: {
    users: 1_000_000,
    transactions: 5_000_000,
    blocks: 250_000,
    pools: 100,
    positions: 50_000,
    days: 90,
  },
};
