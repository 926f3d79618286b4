-- Counts, snapshots and the check of the ledger's invariants.

-- Exact for transactions (added up at sealing); addresses as of the last ANALYZE.
CREATE FUNCTION ledger_counts() RETURNS TABLE (sealed_transactions bigint, pending_transactions bigint, total_addresses bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT c.sealed_transactions,
           (SELECT count(*) FROM transactions t WHERE t.block_height > c.sealed_height),
           (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'balances'::regclass)
    FROM chain_state c;
$$;

-- Renews the snapshot behind top_holders, readers not disturbed; false if another session is at it.
CREATE FUNCTION refresh_top_holders() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('dujyo.top_holders'), 0) THEN
        RETURN false;
    END IF;
    REFRESH MATERIALIZED VIEW CONCURRENTLY top_holders_snapshot;
    INSERT INTO maintenance_runs VALUES ('top_holders', clock_timestamp())
    ON CONFLICT (task) DO UPDATE SET finished_at = excluded.finished_at;
    RETURN true;
END
$$;

-- Reads the whole ledger: for checks and drills, not for a schedule. One row per invariant; detail counts what
-- contradicts it.
CREATE FUNCTION ledger_invariants() RETURNS TABLE (name text, ok boolean, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '128MB' AS $$
#variable_conflict use_column
DECLARE
    wrong bigint;
    tip bigint := (SELECT sealed_height FROM chain_state);
BEGIN
    SELECT count(*) INTO wrong
    FROM balances b
    FULL JOIN (
        SELECT address, sum(delta) AS total FROM (
            SELECT address, side * amount AS delta FROM postings WHERE block_height IS NOT NULL
            UNION ALL SELECT address, amount FROM genesis) d
        GROUP BY address) p USING (address)
    WHERE coalesce(b.balance, 0) <> coalesce(p.total, 0);
    RETURN QUERY SELECT 'balance = genesis + booked postings', wrong = 0, wrong || ' addresses differ';

    RETURN QUERY SELECT 'sum of balances = supply', b.total = g.total, b.total || ' of ' || g.total
    FROM (SELECT coalesce(sum(balance), 0) AS total FROM balances) b, (SELECT coalesce(sum(amount), 0) AS total FROM genesis) g;

    SELECT count(*) INTO wrong
    FROM (SELECT tx_id, block_height, amount, from_address, to_address, tx_hash FROM transactions) t
    FULL JOIN (
        SELECT tx_id, min(block_height) AS block_height, min(amount) AS low, max(amount) AS high, count(*) AS sides,
               sum(side) AS net, min(address) FILTER (WHERE side <= 0) AS sender, min(address) FILTER (WHERE side = 1) AS receiver
        FROM postings GROUP BY tx_id) p USING (tx_id)
    WHERE p.block_height IS DISTINCT FROM t.block_height OR p.low IS DISTINCT FROM t.amount OR p.high IS DISTINCT FROM t.amount
       OR p.net IS DISTINCT FROM 0 OR p.sender IS DISTINCT FROM t.from_address
       OR p.sides <> CASE WHEN t.from_address = t.to_address THEN 1 ELSE 2 END
       OR coalesce(p.receiver, p.sender) IS DISTINCT FROM t.to_address;
    RETURN QUERY SELECT 'postings mirror transactions', wrong = 0, wrong || ' transactions differ';

    SELECT count(*) INTO wrong
    FROM (SELECT block_height AS height, count(*) AS booked FROM transactions WHERE block_height <= tip GROUP BY 1) t
    FULL JOIN blocks b USING (height)
    WHERE coalesce(t.booked, 0) <> coalesce(b.tx_count, -1);
    RETURN QUERY SELECT 'block.tx_count = transactions at its height', wrong = 0, wrong || ' blocks differ';

    SELECT count(*) INTO wrong
    FROM (SELECT b.*, lag(b.hash) OVER w AS before, lag(b.height) OVER w AS below, lag(b.timestamp) OVER w AS earlier
          FROM blocks b WINDOW w AS (ORDER BY b.height)) b
    LEFT JOIN (SELECT block_height AS height, sha256(string_agg(tx_hash, ''::bytea ORDER BY tx_id)) AS root
               FROM transactions WHERE block_height <= tip GROUP BY 1) t USING (height)
    WHERE b.tx_root <> coalesce(t.root, sha256('')) OR b.timestamp < b.earlier
       OR b.hash <> block_hash(height, b.prev_hash, b.tx_root, b.timestamp, b.tx_count, b.validator)
       OR CASE WHEN height = 0 THEN b.below IS NOT NULL ELSE b.below IS DISTINCT FROM height - 1 OR b.prev_hash <> b.before END;
    RETURN QUERY SELECT 'blocks form one chain of true hashes', wrong = 0, wrong || ' blocks differ';

    RETURN QUERY SELECT 'chain state matches blocks', c.sealed_height = b.top AND c.sealed_transactions = b.total
        AND NOT EXISTS (SELECT FROM transactions WHERE block_height > c.open_height),
        'sealed ' || c.sealed_height || ', open ' || c.open_height
    FROM chain_state c, (SELECT max(height) AS top, sum(tx_count) AS total FROM blocks) b;

    SELECT count(*) INTO wrong
    FROM transactions t FULL JOIN transaction_hashes h ON h.tx_id = t.tx_id AND h.tx_hash = t.tx_hash
        AND h.created_at = t.created_at AND h.from_address = t.from_address AND h.nonce = t.nonce
    WHERE t.tx_id IS NULL OR h.tx_id IS NULL;
    RETURN QUERY SELECT 'each transaction has its hash and nonce', wrong = 0, wrong || ' rows without partner';

    SELECT count(*) INTO wrong
    FROM balances b FULL JOIN (SELECT from_address AS address, max(nonce) AS last, count(*) AS used
                               FROM transaction_hashes GROUP BY 1) h USING (address)
    WHERE coalesce(b.last_nonce, 0) <> coalesce(h.last, 0) OR coalesce(h.used, 0) <> coalesce(h.last, 0);
    RETURN QUERY SELECT 'nonces are 1, 2, 3 ... per sender', wrong = 0, wrong || ' senders differ';
END
$$;
