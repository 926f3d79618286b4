-- Ledger rows stay: a guard against statements, and rights for the service's role. Then months ahead.

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: ledger rows are never %', TG_OP, TG_TABLE_NAME,
        CASE TG_OP WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END
        USING ERRCODE = 'DJ006', HINT = 'Book a transaction that reverses the effect; move old partitions away with DETACH.';
END
$$;

-- Statement triggers of a parent do not fire for statements that name a partition, and a new table gets default
-- privileges: each ledger table, and each partition, is protected by itself.
CREATE FUNCTION protect_ledger_table(ledger_table regclass, append_only boolean) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    member text;
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER refuse_change BEFORE %s ON %s EXECUTE FUNCTION refuse_ledger_change()',
        CASE WHEN append_only THEN 'UPDATE OR DELETE OR TRUNCATE' ELSE 'DELETE OR TRUNCATE' END, ledger_table);
    FOR member IN SELECT rolname FROM pg_roles WHERE rolname IN ('dujyo_app', 'dujyo_readonly') LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %I', ledger_table, member);
        EXECUTE format('GRANT SELECT ON %s TO %I', ledger_table, member);
    END LOOP;
END
$$;

-- Creates the monthly partition of transactions that holds the given day (UTC), if it is missing. Filled first,
-- attached afterwards: that takes no lock which stops bookings.
CREATE FUNCTION ensure_month(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    first_day date := date_trunc('month', day)::date;
    partition text := 'transactions_' || to_char(first_day, 'YYYY_MM');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE transactions INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', partition);
    EXECUTE format('ALTER TABLE transactions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition, first_day::timestamptz, (first_day + interval '1 month')::timestamptz);
    PERFORM tune_ledger_table(partition::regclass);
    PERFORM protect_ledger_table(partition::regclass, true);
    RETURN true;
END
$$;

-- Makes the current month's partition and those of the months ahead (0 to 60); returns how many were missing.
-- Safe to call often and from several places at once.
CREATE FUNCTION ensure_partitions(months_ahead integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    created integer := 0;
BEGIN
    IF months_ahead NOT BETWEEN 0 AND 60 THEN
        RAISE EXCEPTION 'months_ahead is %, allowed are 0 to 60', months_ahead USING ERRCODE = 'DJ004', DETAIL = '{"field":"months_ahead"}';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('dujyo.partitions'), 0);
    FOR ahead IN 0 .. months_ahead LOOP
        created := created + ensure_month(((now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date)::integer;
    END LOOP;
    INSERT INTO maintenance_runs VALUES ('partitions', clock_timestamp())
    ON CONFLICT (task) DO UPDATE SET finished_at = excluded.finished_at;
    RETURN created;
END
$$;

SELECT protect_ledger_table(name::regclass, append_only)
FROM (VALUES ('transactions', true), ('postings', true), ('transaction_hashes', true), ('idempotency_keys', true),
             ('blocks', true), ('genesis', true), ('balances', false), ('chain_state', false)) AS t (name, append_only);
SELECT protect_ledger_table(inhrelid, true) FROM pg_inherits WHERE inhparent = 'postings'::regclass;
SELECT ensure_partitions(coalesce(nullif(current_setting('dujyo.partitions_ahead_months', true), ''), '3')::integer);
