/**
 * Write outage with Patroni's and its HAProxy template's own values (lease of 30 s, rounds of 10 s, three failed checks
 * of 3 s) on this stack and two cores: medians in seconds.
 */
export const STOCK_SECONDS = { gone: 28.4, frozen: 31.2, cut: 29.6 } as const;

/** Share of that which the loss of a node may take here. */
export const STOCK_SHARE = 0.7;
