-- Every change of a cached row that the service did not make is announced: also a booking by SQL, which 005 kept
-- silent for all callers. What no announcement could mend is refused: a row that goes away or gets another key.

-- The new argument makes it another function; the old one must not stay beside it, or calls would be ambiguous.
DROP FUNCTION ledger_transfer(text, text, bigint, bigint, text, bytea, text, text);

-- Books one transfer: debit, credit, transaction, postings and keys, or nothing at all.
--   p_amount        micro-DYO, at least 1          p_nonce        the sender's last_nonce + 1
--   p_key           the sender's own, unique       p_request_hash SHA-256 of the request, 32 bytes
-- A repeat with the same key and request_hash returns the first answer with replayed = true and changes nothing.
-- The change of both balances is announced like any other. With p_silent it is not: for a caller that puts the new
-- balances into the caches itself, since a NOTIFY makes all writers queue for one lock until they have committed.
-- Errors: DJ001 insufficient funds {"balance"}, DJ002 wrong nonce {"expected"}, DJ003 key used with another request,
-- DJ004 bad argument {"field"}, DJ005 isolation level. The detail is JSON.
CREATE FUNCTION ledger_transfer(p_from text, p_to text, p_amount bigint, p_nonce bigint, p_key text, p_request_hash bytea,
    p_type text DEFAULT 'transfer', p_nft_id text DEFAULT NULL, p_silent boolean DEFAULT false)
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
    announcing CONSTANT text := coalesce(current_setting('dujyo.notify', true), '');
BEGIN
    PERFORM require_read_committed();
    PERFORM check_transfer_arguments(p_from, p_to, p_amount, p_nonce, p_key, p_request_hash, p_type, p_nft_id);

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

    IF p_silent THEN
        PERFORM set_config('dujyo.notify', 'off', true);
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
    IF p_silent THEN
        -- What else the transaction changes is announced as before.
        PERFORM set_config('dujyo.notify', announcing, true);
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

-- Caches order what they hold of a row by its version. A row that came back would begin at version 1, below what they
-- know, and the old key of a renamed one would live on in them.
CREATE FUNCTION refuse_key_loss() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: its rows keep their keys for good', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'DJ006', HINT = 'Set the amounts to zero; add a row for a new key.';
END
$$;

DO $$
DECLARE
    cached record;
    booking CONSTANT text := 'ledger_transfer(text, text, bigint, bigint, text, bytea, text, text, boolean)';
    member text;
BEGIN
    FOR cached IN SELECT * FROM (VALUES ('balances', 'address'), ('token_balances', 'address'), ('dex_pools', 'pool_id')) AS t (name, key) LOOP
        EXECUTE format('CREATE TRIGGER refuse_new_key BEFORE UPDATE OF %2$I ON %1$I FOR EACH ROW
            WHEN (NEW.%2$I <> OLD.%2$I) EXECUTE FUNCTION refuse_key_loss()', cached.name, cached.key);
        -- Deleting from balances is refused since 004.
        IF cached.name <> 'balances' THEN
            EXECUTE format('CREATE TRIGGER refuse_delete BEFORE DELETE OR TRUNCATE ON %I EXECUTE FUNCTION refuse_key_loss()', cached.name);
        END IF;
    END LOOP;
    -- Default privileges open functions to all roles.
    EXECUTE format('REVOKE EXECUTE ON FUNCTION refuse_key_loss(), %s FROM PUBLIC', booking);
    FOR member IN SELECT rolname FROM pg_roles WHERE rolname IN ('dujyo_app', 'dujyo_readonly', 'monitoring') LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION refuse_key_loss(), %s FROM %I', booking, member);
        IF member = 'dujyo_app' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', booking, member);
        END IF;
    END LOOP;
END
$$;
