/** Figures of the specification that panels and reports measure the stack against. Those of alerts stand in their rules. */
export const GOALS = {
  /** Seconds. */
  responseMean: 0.05,
  responseP95: 0.1,
  responseP99: 0.2,
  /** A balance and a page of history, seconds. */
  balance: 0.01,
  history: 0.05,
  /** Shares from 0 to 1. */
  hitRatio: 0.85,
  errors: 0.001,
  availability: 0.999,
  databaseLoadSpared: 0.7,
  /** Share of answers that come within `responseP99`: 1 of 100 may be later. */
  quickAnswers: 0.99,
  slowAnswers: 0.01,
  /** What the stack is built to serve, per second. */
  requests: 10_000,
  queries: 5_000,
  cacheOperations: 50_000,
} as const;
