-- The exchange: pools, positions, and what a swap adds to a transaction.
ALTER TABLE transactions
    ADD COLUMN pool_id    text,
    ADD COLUMN amount_in  bigint CHECK (amount_in > 0),
    ADD COLUMN amount_out bigint CHECK (amount_out > 0);

CREATE TABLE dex_pools (
    pool_id      text PRIMARY KEY CHECK (length(pool_id) <= 64 AND pool_id ~ '^[A-Za-z0-9_-]+$'),
    token_a      text NOT NULL,
    token_b      text NOT NULL,
    reserve_a    bigint NOT NULL DEFAULT 0,
    reserve_b    bigint NOT NULL DEFAULT 0,
    total_supply bigint NOT NULL DEFAULT 0,
    version      bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (token_a, token_b),
    CONSTRAINT chk_dex_pool_reserves_positive CHECK (reserve_a >= 0 AND reserve_b >= 0 AND total_supply >= 0)
);

CREATE TABLE dex_liquidity_positions (
    position_id  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_address text NOT NULL,
    pool_id      text NOT NULL REFERENCES dex_pools (pool_id),
    lp_tokens    bigint NOT NULL DEFAULT 0 CHECK (lp_tokens >= 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
