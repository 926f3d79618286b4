-- Run by the superuser in database dujyo_blockchain, on the primary, as often as one likes.

-- The exporter sees figures of the ledger and none of its rows: these functions hand them out. They run with the rights
-- of the schema's owner, not of the superuser, since what they read is the owner's to replace. Until the first migration
-- has run there is nothing to tell.
CREATE SCHEMA IF NOT EXISTS monitoring AUTHORIZATION postgres;
REVOKE ALL ON SCHEMA monitoring FROM PUBLIC;
GRANT USAGE ON SCHEMA monitoring TO monitoring;

CREATE OR REPLACE FUNCTION monitoring.ledger()
RETURNS TABLE (blocks_height bigint, pending_oldest_seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF to_regclass('public.chain_state') IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT c.sealed_height,
           coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - min(o.created_at)), 0)::float8
                     -- OFFSET keeps the planner from looking for the smallest time first, which reads every transaction
                     -- there ever was where none is pending.
                     FROM (SELECT t.created_at FROM public.transactions t
                           WHERE t.block_height > c.sealed_height OFFSET 0) o), 0)
    FROM public.chain_state c;
END
$$;

CREATE OR REPLACE FUNCTION monitoring.maintenance()
RETURNS TABLE (task text, age_seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF to_regclass('public.maintenance_runs') IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT m.task, extract(epoch FROM clock_timestamp() - m.finished_at)::float8 FROM public.maintenance_runs m;
END
$$;

ALTER FUNCTION monitoring.ledger() OWNER TO dujyo_user;
ALTER FUNCTION monitoring.maintenance() OWNER TO dujyo_user;
REVOKE ALL ON FUNCTION monitoring.ledger(), monitoring.maintenance() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION monitoring.ledger(), monitoring.maintenance() TO monitoring;
