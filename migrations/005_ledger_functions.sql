-- Booking and sealing. The service calls these and has no other way to change the ledger. They run as the owner,
-- at READ COMMITTED, where each statement sees what was committed before it.
--
-- Locks, always in this order: rows of balances by address, then the open block (shared). Two bookings can
-- therefore never wait for each other in a circle. A statement outside a booking's call should not add to them.

CREATE FUNCTION require_read_committed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'transaction isolation is %, the ledger needs read committed', current_setting('transaction_isolation')
            USING ERRCODE = 'DJ005', HINT = 'Call the function outside a transaction, or begin with ISOLATION LEVEL READ COMMITTED.';
    END IF;
END
$$;

-- Every booking holds its block's lock, shared, until it ends. A block is sealed under the exclusive lock, after it
-- was closed: so none of its bookings is still in flight. Returns the height to book into.
CREATE FUNCTION join_open_block(OUT height bigint, OUT sealed bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    still_open bigint;
BEGIN
    LOOP
        SELECT open_height INTO height FROM chain_state;
        PERFORM pg_advisory_xact_lock_shared(hashtext('dujyo.block'), (height & 2147483647)::integer);
        -- It may have been closed between the reading and the lock.
        SELECT open_height, sealed_height INTO still_open, sealed FROM chain_state;
        EXIT WHEN still_open = height;
    END LOOP;
END
$$;

-- Refuses what no table would take, before any lock, naming the argument.
CREATE FUNCTION check_transfer_arguments(from_address text, to_address text, amount bigint, nonce bigint, key text,
    request_hash bytea, type text, nft_id text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    field text := CASE
        WHEN from_address IS NULL OR length(from_address) > 64 OR from_address !~ '^[A-Za-z0-9_-]+$' THEN 'from'
        WHEN to_address IS NULL OR length(to_address) > 64 OR to_address !~ '^[A-Za-z0-9_-]+$' THEN 'to'
        WHEN amount IS NULL OR amount < 1 THEN 'amount'
        WHEN nonce IS NULL OR nonce < 1 THEN 'nonce'
        WHEN key IS NULL OR length(key) NOT BETWEEN 1 AND 255 THEN 'idempotency_key'
        WHEN request_hash IS NULL OR octet_length(request_hash) <> 32 THEN 'request_hash'
        WHEN type IS NULL OR type NOT IN ('transfer', 'swap', 'tip', 'stake', 'reward') THEN 'type'
        WHEN length(nft_id) NOT BETWEEN 1 AND 255 THEN 'nft_id'
    END;
BEGIN
    IF field IS NOT NULL THEN
        RAISE EXCEPTION 'argument % of a transfer is missing or outside its limits', field
            USING ERRCODE = 'DJ004', DETAIL = json_build_object('field', field)::text;
    END IF;
END
$$;

-- Books one transfer: debit, credit, transaction, postings and keys, or nothing at all.
--   p_amount        micro-DYO, at least 1          p_nonce        the sender's last_nonce + 1
--   p_key           the sender's own, unique       p_request_hash SHA-256 of the request, 32 bytes
-- A repeat with the same key and request_hash returns the first answer with replayed = true and changes nothing.
-- Errors: DJ001 insufficient funds {"balance"}, DJ002 wrong nonce {"expected"}, DJ003 key used with another request,
-- DJ004 bad argument {"field"}, DJ005 isolation level. The detail is JSON.
CREATE FUNCTION ledger_transfer(p_from text, p_to text, p_amount bigint, p_nonce bigint, p_key text, p_request_hash bytea,
    p_type text DEFAULT 'transfer', p_nft_id text DEFAULT NULL)
RETURNS TABLE (tx_id bigint, tx_hash bytea, created_at timestamptz, block_height bigint, sealed_height bigint, replayed boolean,
    from_balance bigint, from_version bigint, from_nonce bigint, to_balance bigint, to_version bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    account balances;
    sender balances;
    receiver_exists boolean := false;
    first idempotency_keys;
    self CONSTANT boolean := p_from = p_to;
BEGIN
    PERFORM require_read_committed();
    PERFORM check_transfer_arguments(p_from, p_to, p_amount, p_nonce, p_key, p_request_hash, p_type, p_nft_id);
    -- The service puts the new balances into its caches itself; a NOTIFY would make all writers queue for one lock.
    PERFORM set_config('dujyo.notify', 'off', true);

    FOR account IN SELECT * FROM balances b WHERE b.address IN (p_from, p_to) ORDER BY b.address FOR NO KEY UPDATE LOOP
        IF account.address = p_from THEN
            sender := account;
        ELSE
            receiver_exists := true;
        END IF;
    END LOOP;

    -- Only now: the sender's lock makes two uses of one key come one after the other.
    SELECT * INTO first FROM idempotency_keys k WHERE k.from_address = p_from AND k.idempotency_key = p_key;
    IF FOUND THEN
        IF first.request_hash <> p_request_hash THEN
            RAISE EXCEPTION 'idempotency key was used by % for another request', p_from USING ERRCODE = 'DJ003', DETAIL = '{}';
        END IF;
        RETURN QUERY SELECT first.tx_id, first.tx_hash, first.created_at, first.block_height, c.sealed_height, true,
            first.from_balance, first.from_version, first.from_nonce, first.to_balance, first.to_version FROM chain_state c;
        RETURN;
    END IF;
    IF p_nonce <> coalesce(sender.last_nonce, 0) + 1 THEN
        RAISE EXCEPTION 'nonce of % is %, expected is %', p_from, p_nonce, coalesce(sender.last_nonce, 0) + 1
            USING ERRCODE = 'DJ002', DETAIL = json_build_object('expected', coalesce(sender.last_nonce, 0) + 1)::text;
    END IF;
    IF coalesce(sender.balance, 0) < p_amount THEN
        RAISE EXCEPTION 'balance of % is %, the amount is %', p_from, coalesce(sender.balance, 0), p_amount
            USING ERRCODE = 'DJ001', DETAIL = json_build_object('balance', coalesce(sender.balance, 0))::text;
    END IF;

    created_at := clock_timestamp();
    from_nonce := p_nonce;
    UPDATE balances b SET balance = b.balance - CASE WHEN self THEN 0 ELSE p_amount END, version = b.version + 1,
        last_nonce = p_nonce, updated_at = ledger_transfer.created_at
    WHERE b.address = p_from RETURNING b.balance, b.version INTO from_balance, from_version;
    IF self THEN
        to_balance := from_balance;
        to_version := from_version;
    ELSIF receiver_exists THEN
        UPDATE balances b SET balance = b.balance + p_amount, version = b.version + 1, updated_at = ledger_transfer.created_at
        WHERE b.address = p_to RETURNING b.balance, b.version INTO to_balance, to_version;
    ELSE
        -- Somebody may have created the row in the meantime. The last row lock of the call, so no circle.
        INSERT INTO balances AS b (address, balance, updated_at) VALUES (p_to, p_amount, ledger_transfer.created_at)
        ON CONFLICT (address) DO UPDATE SET balance = b.balance + p_amount, version = b.version + 1, updated_at = excluded.updated_at
        RETURNING b.balance, b.version INTO to_balance, to_version;
    END IF;

    SELECT height, sealed INTO block_height, sealed_height FROM join_open_block();
    tx_id := nextval('transactions_tx_id_seq');
    tx_hash := transaction_hash(p_from, p_to, p_amount, p_nonce, p_type, p_nft_id);
    replayed := false;
    INSERT INTO transaction_hashes (tx_id, created_at, nonce, tx_hash, from_address)
    VALUES (ledger_transfer.tx_id, ledger_transfer.created_at, p_nonce, ledger_transfer.tx_hash, p_from);
    INSERT INTO transactions (tx_id, created_at, amount, nonce, block_height, tx_hash, from_address, to_address, transaction_type, nft_id)
    VALUES (ledger_transfer.tx_id, ledger_transfer.created_at, p_amount, p_nonce, ledger_transfer.block_height,
        ledger_transfer.tx_hash, p_from, p_to, p_type, p_nft_id);
    INSERT INTO postings (tx_id, created_at, amount, block_height, side, address, counterparty, tx_hash, transaction_type)
    SELECT ledger_transfer.tx_id, ledger_transfer.created_at, p_amount, ledger_transfer.block_height, s.side, s.address,
        s.counterparty, ledger_transfer.tx_hash, p_type
    FROM (VALUES (CASE WHEN self THEN 0 ELSE -1 END, p_from, p_to), (1, p_to, p_from)) AS s (side, address, counterparty)
    WHERE s.side < 1 OR NOT self;
    INSERT INTO idempotency_keys VALUES (p_from, p_key, p_request_hash, ledger_transfer.tx_hash, ledger_transfer.tx_id,
        ledger_transfer.created_at, ledger_transfer.block_height, ledger_transfer.from_balance, ledger_transfer.from_version,
        p_nonce, ledger_transfer.to_balance, ledger_transfer.to_version);
    RETURN NEXT;
END
$$;

-- One step of sealing; any number of instances may call, one at a time works, for the length of its transaction.
--   busy     another instance has the lock        idle    the open block holds nothing
--   closed   the open block takes no more; call again to seal it
--   waiting  a booking of the closed block is still in flight; call again shortly
--   sealed   height, hash and tx_count tell which
CREATE FUNCTION seal_block(p_validator text DEFAULT 'dujyo')
RETURNS TABLE (outcome text, height bigint, hash bytea, tx_count integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    chain chain_state;
    previous blocks;
    root bytea;
    sealed_at timestamptz;
BEGIN
    PERFORM require_read_committed();
    IF NOT pg_try_advisory_xact_lock(hashtext('dujyo.sealer'), 0) THEN
        outcome := 'busy';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO chain FROM chain_state;
    height := chain.sealed_height + 1;
    IF chain.open_height = height THEN
        IF EXISTS (SELECT FROM transactions t WHERE t.block_height = chain.open_height) THEN
            UPDATE chain_state SET open_height = open_height + 1;
            outcome := 'closed';
        ELSE
            outcome := 'idle';
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtext('dujyo.block'), (seal_block.height & 2147483647)::integer) THEN
        outcome := 'waiting';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT count(*), sha256(coalesce(string_agg(t.tx_hash, ''::bytea ORDER BY t.tx_id), '')) INTO tx_count, root
    FROM transactions t WHERE t.block_height = seal_block.height;
    SELECT * INTO previous FROM blocks b WHERE b.height = chain.sealed_height;
    sealed_at := greatest(clock_timestamp(), previous.timestamp);
    hash := block_hash(height, previous.hash, root, sealed_at, tx_count, p_validator);
    INSERT INTO blocks VALUES (seal_block.height, seal_block.hash, previous.hash, root, sealed_at, seal_block.tx_count, p_validator);
    UPDATE chain_state SET sealed_height = seal_block.height, sealed_transactions = sealed_transactions + seal_block.tx_count;
    PERFORM pg_notify('dujyo_invalidate', json_build_object('t', 'blocks', 'h', height)::text);
    outcome := 'sealed';
    RETURN NEXT;
END
$$;

-- The addresses that a block concerns, with their present versions.
CREATE FUNCTION block_addresses(p_height bigint) RETURNS TABLE (address text, version bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT b.address, b.version FROM balances b
    WHERE b.address IN (
        SELECT from_address FROM transactions WHERE block_height = p_height
        UNION SELECT to_address FROM transactions WHERE block_height = p_height);
$$;

-- Gives an address its share of the supply. Only before the first transaction, only for the owner.
CREATE FUNCTION genesis_allocate(p_address text, p_amount bigint) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM transactions) THEN
        RAISE EXCEPTION 'the ledger has transactions, its supply is fixed' USING ERRCODE = 'DJ004', DETAIL = '{"field":"address"}';
    END IF;
    IF p_amount > 1000000000000000 - (SELECT coalesce(sum(amount), 0) FROM genesis) THEN
        RAISE EXCEPTION 'amount % exceeds the supply limit of 1,000,000,000 DYO', p_amount USING ERRCODE = 'DJ004', DETAIL = '{"field":"amount"}';
    END IF;
    INSERT INTO genesis VALUES (p_address, p_amount);
    INSERT INTO balances (address, balance) VALUES (p_address, p_amount);
END
$$;
