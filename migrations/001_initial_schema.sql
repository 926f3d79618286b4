-- The ledger. One unit everywhere: integer micro-DYO (1 DYO = 1,000,000).
--
-- It is append-only. A transfer is booked at once and belongs from that moment to the open block; sealing a block
-- inserts one row into blocks and moves chain_state.sealed_height. The status of a transaction therefore follows
-- from two numbers and is stored nowhere: no row of the two big tables is ever updated, which keeps their
-- visibility map set (history by index-only scans), leaves no dead rows, and lets a page be cached for long.
--     block_height IS NULL           failed: books nothing
--     block_height <= sealed_height  confirmed
--     otherwise                      pending: not yet in a block
--
-- Addresses are checked by length and character set apart: as one expression with {1,64} the check takes twenty
-- times as long, and every booking would pay.

CREATE TABLE genesis (
    address text PRIMARY KEY CHECK (length(address) <= 64 AND address ~ '^[A-Za-z0-9_-]+$'),
    amount  bigint NOT NULL CHECK (amount > 0)
);
COMMENT ON TABLE genesis IS 'Allocations before the first transaction; their sum is the supply';

CREATE TABLE blocks (
    height    bigint PRIMARY KEY CHECK (height >= 0),
    hash      bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    prev_hash bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
    -- SHA-256 over the transaction hashes in booking order.
    tx_root   bytea NOT NULL CHECK (octet_length(tx_root) = 32),
    timestamp timestamptz NOT NULL,
    tx_count  integer NOT NULL DEFAULT 0 CHECK (tx_count >= 0),
    validator text NOT NULL
);

-- One row. Two heights differ by one, or by two while a closed block waits for its last bookings to end.
CREATE TABLE chain_state (
    singleton           boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    sealed_height       bigint NOT NULL,
    open_height         bigint NOT NULL,
    sealed_transactions bigint NOT NULL DEFAULT 0,
    CHECK (open_height - sealed_height BETWEEN 1 AND 2)
);

-- DYO is here and nowhere else. version rises by one with every change that concerns the address; caches order
-- their entries by it. last_nonce is the nonce of the address's latest transaction as a sender.
CREATE TABLE balances (
    address    text PRIMARY KEY CHECK (length(address) <= 64 AND address ~ '^[A-Za-z0-9_-]+$'),
    balance    bigint NOT NULL DEFAULT 0 CONSTRAINT chk_balance_non_negative CHECK (balance >= 0),
    version    bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    last_nonce bigint NOT NULL DEFAULT 0 CHECK (last_nonce >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE token_balances (
    address        text PRIMARY KEY CHECK (length(address) <= 64 AND address ~ '^[A-Za-z0-9_-]+$'),
    dys_balance    bigint NOT NULL DEFAULT 0,
    staked_balance bigint NOT NULL DEFAULT 0,
    version        bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT chk_token_balances_non_negative CHECK (dys_balance >= 0 AND staked_balance >= 0)
);

CREATE SEQUENCE transactions_tx_id_seq AS bigint;

-- By month of booking. There is no default partition: rows that fell into one would block the creation of the
-- partition they belong to. ensure_partitions() makes months ahead.
CREATE TABLE transactions (
    tx_id            bigint NOT NULL DEFAULT nextval('transactions_tx_id_seq'),
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    amount           bigint NOT NULL CONSTRAINT chk_transaction_amount_positive CHECK (amount > 0),
    nonce            bigint NOT NULL CHECK (nonce > 0),
    block_height     bigint,
    tx_hash          bytea NOT NULL CHECK (octet_length(tx_hash) = 32),
    from_address     text NOT NULL,
    to_address       text NOT NULL,
    transaction_type text NOT NULL DEFAULT 'transfer'
        CHECK (transaction_type IN ('transfer', 'swap', 'tip', 'stake', 'reward')),
    nft_id           text CHECK (length(nft_id) BETWEEN 1 AND 255),
    -- The time leads: the key also serves ranges of time.
    PRIMARY KEY (created_at, tx_id)
) PARTITION BY RANGE (created_at);
ALTER SEQUENCE transactions_tx_id_seq OWNED BY transactions.tx_id;

-- One row per side of a transaction: -1 debit, +1 credit; a transfer to oneself has one row with side 0, so that
-- it shows once in the history. sum(side * amount) over booked rows, plus genesis, is the balance.
-- Both rows of balances are locked when tx_id is drawn, so per address tx_id rises in commit order: a keyset page
-- never misses a row that commits late.
CREATE TABLE postings (
    tx_id            bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    amount           bigint NOT NULL CHECK (amount > 0),
    block_height     bigint,
    side             smallint NOT NULL CHECK (side BETWEEN -1 AND 1),
    address          text NOT NULL,
    counterparty     text NOT NULL,
    tx_hash          bytea NOT NULL,
    transaction_type text NOT NULL
) PARTITION BY HASH (address);

-- A unique key over all time can not live in a table partitioned by time. This one is written in the booking's
-- transaction and leads a lookup by hash to the one partition that holds the row.
CREATE TABLE transaction_hashes (
    tx_id        bigint NOT NULL,
    created_at   timestamptz NOT NULL,
    nonce        bigint NOT NULL,
    tx_hash      bytea PRIMARY KEY,
    from_address text NOT NULL,
    UNIQUE (from_address, nonce)
);

-- The first answer to each key, so that a repeat gets the same one. Keys are the sender's own: nobody can occupy
-- or read another's.
CREATE TABLE idempotency_keys (
    from_address    text NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash    bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    tx_hash         bytea NOT NULL,
    tx_id           bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    block_height    bigint NOT NULL,
    from_balance    bigint NOT NULL,
    from_version    bigint NOT NULL,
    from_nonce      bigint NOT NULL,
    to_balance      bigint NOT NULL,
    to_version      bigint NOT NULL,
    PRIMARY KEY (from_address, idempotency_key)
);

CREATE TABLE maintenance_runs (
    task        text PRIMARY KEY,
    finished_at timestamptz NOT NULL
);
COMMENT ON TABLE maintenance_runs IS 'When a maintenance task last ended well; the age of what it refreshes';

-- The number of hash partitions is fixed at creation. The runner hands it in as a setting; plain psql gets 8.
DO $$
DECLARE
    partitions integer := coalesce(nullif(current_setting('dujyo.postings_partitions', true), ''), '8')::integer;
BEGIN
    IF partitions NOT BETWEEN 1 AND 256 THEN
        RAISE EXCEPTION 'dujyo.postings_partitions is %, allowed are 1 to 256', partitions;
    END IF;
    FOR remainder IN 0 .. partitions - 1 LOOP
        EXECUTE format('CREATE TABLE postings_p%s PARTITION OF postings FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
                       to_char(remainder, 'FM000'), partitions, remainder);
    END LOOP;
END
$$;

-- Contents of the hashes. Both are pure functions of what they cover: a repeated transaction has the same hash,
-- and anyone can recompute the chain.
CREATE FUNCTION transaction_hash(from_address text, to_address text, amount bigint, nonce bigint, type text, nft_id text)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(convert_to(
    'dujyo-tx-v1|' || from_address || '|' || to_address || '|' || amount || '|' || nonce || '|' || type || '|'
        || coalesce(nft_id, ''), 'UTF8'));

CREATE FUNCTION block_hash(height bigint, prev_hash bytea, tx_root bytea, "timestamp" timestamptz, tx_count integer, validator text)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(convert_to(
    'dujyo-block-v1|' || height || '|' || encode(prev_hash, 'hex') || '|' || encode(tx_root, 'hex') || '|'
        || (extract(epoch FROM "timestamp") * 1000000)::bigint || '|' || tx_count || '|' || validator, 'UTF8'));

INSERT INTO blocks (height, hash, prev_hash, tx_root, timestamp, tx_count, validator)
SELECT 0, block_hash(0, zero, root, born, 0, 'genesis'), zero, root, born, 0, 'genesis'
FROM (SELECT decode(repeat('00', 32), 'hex') AS zero, sha256('') AS root, timestamptz '2025-01-01 00:00:00+00' AS born) g;

INSERT INTO chain_state (sealed_height, open_height) VALUES (0, 1);
