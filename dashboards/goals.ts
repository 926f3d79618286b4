/** Figures of the specification that panels draw as thresholds. Alerts hold the same ones in `config/prometheus/rules/`. */
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
  /** What the stack is built to serve, per second. */
  requests: 10_000,
  queries: 5_000,
  cacheOperations: 50_000,
} as const;

/** Figures at which the specification's five alerts fire. */
export const ALERTS = {
  /** Seconds. */
  responseP95: 1,
  hitRatio: 0.8,
  errors: 0.05,
  connections: 0.9,
  slowStatements: 0.1,
} as const;
