-- What the roles may call. Tables of the ledger were closed when they were made (protect_ledger_table); the other
-- tables keep the row rights that provisioning grants by default privileges. Roles that do not exist are left out.

DO $$
DECLARE
    member text;
    granted text;
BEGIN
    -- Some functions act with the owner's rights, so none is open by default, whatever default privileges say. Those
    -- of extensions are not ours to close.
    FOR granted IN SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proowner = current_user::regrole LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', granted);
        FOR member IN SELECT rolname FROM pg_roles WHERE rolname IN ('dujyo_app', 'dujyo_readonly', 'monitoring') LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %I', granted, member);
        END LOOP;
    END LOOP;
    FOR member IN SELECT rolname FROM pg_roles WHERE rolname = 'monitoring' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION get_slow_queries(double precision), get_index_usage() TO %I', member);
    END LOOP;
    FOR member IN SELECT rolname FROM pg_roles WHERE rolname IN ('dujyo_app', 'dujyo_readonly') LOOP
        FOR granted IN SELECT oid::regclass FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relowner = current_user::regrole AND relkind IN ('r', 'p', 'v', 'm') LOOP
            EXECUTE format('GRANT SELECT ON %s TO %I', granted, member);
        END LOOP;
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON maintenance_runs, top_holders, top_holders_snapshot,
            user_balance_summary, transaction_stats, ledger_transactions FROM %I', member);
        FOREACH granted IN ARRAY ARRAY['get_slow_queries(double precision)', 'get_index_usage()', 'ledger_counts()', 'block_addresses(bigint)',
            'transaction_hash(text, text, bigint, bigint, text, text)', 'block_hash(bigint, bytea, bytea, timestamptz, integer, text)'] LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', granted, member);
        END LOOP;
    END LOOP;
    FOR member IN SELECT rolname FROM pg_roles WHERE rolname = 'dujyo_app' LOOP
        -- The record of migrations is the owner's; it is there when the runner applies this file, not under psql.
        FOR granted IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND relname IN ('schema_migrations', 'schema_migration_checksums') LOOP
            EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %s FROM %I', granted, member);
        END LOOP;
        FOREACH granted IN ARRAY ARRAY['ledger_transfer(text, text, bigint, bigint, text, bytea, text, text)', 'seal_block(text)',
            'ensure_partitions(integer)', 'refresh_top_holders()', 'ledger_invariants()'] LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', granted, member);
        END LOOP;
        EXECUTE format('GRANT INSERT, UPDATE ON users, token_balances, dex_pools, dex_liquidity_positions TO %I', member);
        EXECUTE format('REVOKE DELETE, TRUNCATE ON token_balances, dex_pools FROM %I', member);
        EXECUTE format('REVOKE ALL ON SEQUENCE transactions_tx_id_seq FROM %I', member);
    END LOOP;
END
$$;
