-- Indexes, planner statistics, autovacuum and fill factors, views and monitoring functions.
--
-- Plain idempotent SQL: runs with psql -f as dujyo_user any number of times. On filled partitioned tables the
-- migration runner builds missing indexes beforehand, partition by partition without blocking writers, so that
-- the statements here find them in place.
--
-- What is not here matters as much: balances and token_balances have no index besides their key, since any index
-- (also a partial one) that mentions a changing column would turn every balance update into a non-HOT one.

-- 1. Indexes -------------------------------------------------------------------------------------------------

-- History in both directions, a page from the index alone. Unique: one row per address and transaction.
CREATE UNIQUE INDEX IF NOT EXISTS idx_postings_history ON postings (address, tx_id)
    INCLUDE (created_at, amount, block_height, side, counterparty, tx_hash, transaction_type);

-- Sealing, block contents, and the pending ones (heights above the sealed one); failed rows are left out.
CREATE INDEX IF NOT EXISTS idx_transactions_block ON transactions (block_height, tx_id)
    INCLUDE (tx_hash) WHERE block_height IS NOT NULL;

-- Failed transactions are one in a hundred: the newest of them without reading the rest.
CREATE INDEX IF NOT EXISTS idx_transactions_failed ON transactions (created_at DESC) WHERE block_height IS NULL;

-- Swaps of a pool, newest first.
CREATE INDEX IF NOT EXISTS idx_transactions_pool ON transactions (pool_id, tx_id DESC) WHERE pool_id IS NOT NULL;

-- Open positions of a user; closed ones (no tokens left) stay in the table only.
CREATE INDEX IF NOT EXISTS idx_dex_positions_user_active ON dex_liquidity_positions (user_address, pool_id)
    INCLUDE (lp_tokens) WHERE lp_tokens > 0;

-- Shares of a pool, biggest first; also what the foreign key asks for.
CREATE INDEX IF NOT EXISTS idx_dex_positions_pool ON dex_liquidity_positions (pool_id, lp_tokens DESC);

-- 2. Storage, autovacuum, statistics -------------------------------------------------------------------------

-- Every transfer updates two rows. Free room on each page lets the new version stay beside the old one (HOT: no
-- index is touched), also while a longer query keeps old versions from being cleared; frequent small vacuums do the rest.
ALTER TABLE balances SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
-- The same access, at a tenth of the rate.
ALTER TABLE token_balances SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
-- One row, updated with every block, read by every booking: half of its page stays free for versions, and it is
-- vacuumed long before the default threshold would notice it.
ALTER TABLE chain_state SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);
-- Few rows, reserves change with every swap.
ALTER TABLE dex_pools SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);
-- Append-only tables: full pages; vacuum after inserts so that index-only scans and freezing keep up, frozen at
-- once since a row that never changes is only read again to be frozen later.
ALTER TABLE transaction_hashes SET (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_freeze_min_age = 0, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE idempotency_keys SET (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_freeze_min_age = 0, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE blocks SET (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_freeze_min_age = 0);

-- Storage settings and statistics targets are not inherited by partitions: this sets them for one of them, or for
-- the parent itself, whose own statistics serve plans that can not prune.
CREATE OR REPLACE FUNCTION tune_ledger_table(ledger_table regclass) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    root regclass := pg_partition_root(ledger_table);
BEGIN
    IF root <> ledger_table THEN
        -- 2 % of new rows: the head of a busy history becomes index-only again soon after it was written.
        -- Distributions change slowly: one row in ten before the next ANALYZE.
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.02,
            autovacuum_vacuum_insert_threshold = 5000, autovacuum_analyze_scale_factor = 0.1,
            autovacuum_freeze_min_age = 0)', ledger_table);
    END IF;
    IF root = 'postings'::regclass THEN
        -- The accounts that take part in a large share of all transactions must be known by name. The other wide
        -- columns are carried along and never searched: without statistics ANALYZE sorts a third as much.
        EXECUTE format('ALTER TABLE %s ALTER COLUMN address SET STATISTICS 200, ALTER COLUMN counterparty SET STATISTICS 0,
            ALTER COLUMN tx_hash SET STATISTICS 0, ALTER COLUMN amount SET STATISTICS 0', ledger_table);
    ELSIF root = 'transactions'::regclass THEN
        -- Heights and times spread evenly over a month: finer histograms place "since" and "height" well.
        EXECUTE format('ALTER TABLE %s ALTER COLUMN block_height SET STATISTICS 200, ALTER COLUMN created_at SET STATISTICS 200,
            ALTER COLUMN tx_hash SET STATISTICS 0', ledger_table);
    END IF;
END
$$;

-- Searched by equality under a unique index alone: an estimate could change nothing.
ALTER TABLE transaction_hashes ALTER COLUMN tx_hash SET STATISTICS 0;

SELECT count(*) AS tables_tuned FROM (
    SELECT tune_ledger_table(relid) FROM (
        SELECT relid FROM pg_partition_tree('postings') UNION ALL SELECT relid FROM pg_partition_tree('transactions')) t
    OFFSET 0) tuned;

-- 3. Views ---------------------------------------------------------------------------------------------------

CREATE OR REPLACE VIEW ledger_transactions AS
SELECT t.tx_id, t.created_at, t.tx_hash, t.from_address, t.to_address, t.amount, t.nonce, t.transaction_type,
       CASE WHEN t.block_height IS NULL THEN 'failed'
            WHEN t.block_height <= (SELECT sealed_height FROM chain_state) THEN 'confirmed'
            ELSE 'pending' END AS status,
       CASE WHEN t.block_height <= (SELECT sealed_height FROM chain_state) THEN t.block_height END AS block_height,
       t.nft_id, t.pool_id, t.amount_in, t.amount_out
FROM transactions t;
COMMENT ON VIEW ledger_transactions IS 'Transactions with their status; block_height only once the block is sealed';

-- By hour of booking, the last 24 hours, live. Volume and average over confirmed transactions, in micro-DYO.
CREATE OR REPLACE VIEW transaction_stats AS
SELECT hour,
       count(*) AS total_transactions,
       count(*) FILTER (WHERE confirmed) AS confirmed_transactions,
       count(*) FILTER (WHERE NOT confirmed) AS pending_transactions,
       coalesce(sum(amount) FILTER (WHERE confirmed), 0)::bigint AS total_volume,
       coalesce(round(avg(amount) FILTER (WHERE confirmed)), 0)::bigint AS avg_transaction_size
FROM (
    -- confirmed is null for failed ones: they count in the total alone.
    SELECT date_trunc('hour', created_at) AS hour, amount, block_height <= (SELECT sealed_height FROM chain_state) AS confirmed
    FROM transactions
    WHERE created_at >= now() - interval '24 hours') t
GROUP BY hour
ORDER BY hour DESC;

-- Every address that holds anything, live, in micro units. Two branches rather than a FULL JOIN: a condition on
-- address then reaches both keys. LIMIT 1 (there is one row at most) makes the planner look each partner up, so that
-- a LIMIT on the view stops early instead of hashing a million rows first.
CREATE OR REPLACE VIEW user_balance_summary AS
SELECT b.address,
       b.balance AS dyo_balance,
       coalesce(t.dys_balance, 0) AS dys_balance,
       coalesce(t.staked_balance, 0) AS staked_balance,
       b.balance + coalesce(t.dys_balance, 0) + coalesce(t.staked_balance, 0) AS total_balance,
       greatest(b.updated_at, t.updated_at) AS last_updated
FROM balances b LEFT JOIN LATERAL (SELECT * FROM token_balances t WHERE t.address = b.address LIMIT 1) t ON true
WHERE b.balance > 0 OR t.dys_balance > 0 OR t.staked_balance > 0
UNION ALL
SELECT t.address, 0, t.dys_balance, t.staked_balance, t.dys_balance + t.staked_balance, t.updated_at
FROM token_balances t
WHERE (t.dys_balance > 0 OR t.staked_balance > 0)
  AND NOT EXISTS (SELECT FROM balances b WHERE b.address = t.address);

-- The first thousand. Ranking a million accounts takes a second, an index on the amounts would cost every
-- transfer its HOT update; so a snapshot, as old as maintenance_runs says (refresh_top_holders() renews it).
CREATE MATERIALIZED VIEW IF NOT EXISTS top_holders_snapshot AS
WITH totals AS NOT MATERIALIZED (
    SELECT address, coalesce(b.balance, 0) + coalesce(t.dys_balance, 0) + coalesce(t.staked_balance, 0) AS total_balance
    FROM balances b FULL JOIN token_balances t USING (address)
), top AS (
    SELECT address, total_balance FROM totals WHERE total_balance > 0 ORDER BY total_balance DESC, address LIMIT 1000
), supply AS (
    SELECT (SELECT sum(balance) FROM balances) + (SELECT coalesce(sum(dys_balance + staked_balance), 0) FROM token_balances) AS total
)
SELECT address, total_balance, rank() OVER (ORDER BY total_balance DESC) AS rank,
       round(total_balance * 100.0 / supply.total, 4) AS percentage
FROM top CROSS JOIN supply;

-- Unique on the address: what a concurrent refresh compares by. On the rank: the view reads in order and stops.
CREATE UNIQUE INDEX IF NOT EXISTS idx_top_holders_address ON top_holders_snapshot (address);
CREATE INDEX IF NOT EXISTS idx_top_holders_rank ON top_holders_snapshot (rank, address);

CREATE OR REPLACE VIEW top_holders AS
SELECT address, total_balance, rank, percentage FROM top_holders_snapshot ORDER BY rank, address;

-- 4. Monitoring ----------------------------------------------------------------------------------------------

-- Statements with a mean above min_mean_ms, slowest first. Runs with the owner's right to see all statistics;
-- literals are normalised away by pg_stat_statements.
CREATE OR REPLACE FUNCTION get_slow_queries(min_mean_ms double precision DEFAULT 1000)
RETURNS TABLE (query_text text, calls bigint, total_time double precision, mean_time double precision, rows bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT s.query, s.calls, s.total_exec_time, s.mean_exec_time, s.rows
    FROM pg_stat_statements s
    JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
    WHERE s.mean_exec_time > min_mean_ms
    ORDER BY s.mean_exec_time DESC
    LIMIT 20;
END
$$;

-- Scans per index, partitions added up under their parent's name, most used first.
CREATE OR REPLACE FUNCTION get_index_usage()
RETURNS TABLE (table_name text, index_name text, index_scans bigint, tuples_read bigint, tuples_fetched bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT t.relname::text, i.relname::text, sum(s.idx_scan)::bigint, sum(s.idx_tup_read)::bigint, sum(s.idx_tup_fetch)::bigint
    FROM pg_stat_user_indexes s
    JOIN pg_class t ON t.oid = coalesce(pg_partition_root(s.relid), s.relid)
    JOIN pg_class i ON i.oid = coalesce(pg_partition_root(s.indexrelid), s.indexrelid)
    WHERE s.schemaname = 'public'
    GROUP BY t.relname, i.relname
    ORDER BY 3 DESC, 1, 2;
$$;

-- 5. First statistics ----------------------------------------------------------------------------------------

ANALYZE users, balances, token_balances, blocks, transactions, postings, dex_pools, dex_liquidity_positions;
