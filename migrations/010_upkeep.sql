-- Renews the snapshot behind top_holders, readers not disturbed; false if another session is at it, or the snapshot is
-- not older than p_older_than: of many instances that ask at the same pace, one does the work. It reads all accounts;
-- the caller allows the time for it (statement_timeout counts from the caller's statement).
DROP FUNCTION refresh_top_holders();
CREATE FUNCTION refresh_top_holders(p_older_than interval DEFAULT '0') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('dujyo.top_holders'), 0) THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT FROM maintenance_runs WHERE task = 'top_holders' AND finished_at > clock_timestamp() - p_older_than) THEN
        RETURN false;
    END IF;
    REFRESH MATERIALIZED VIEW CONCURRENTLY top_holders_snapshot;
    INSERT INTO maintenance_runs VALUES ('top_holders', clock_timestamp())
    ON CONFLICT (task) DO UPDATE SET finished_at = excluded.finished_at;
    RETURN true;
END
$$;

-- Who may call it, as before; default privileges open functions to all roles.
DO $$
DECLARE
    member text;
BEGIN
    REVOKE EXECUTE ON FUNCTION refresh_top_holders(interval) FROM PUBLIC;
    FOR member IN SELECT rolname FROM pg_roles WHERE rolname IN ('dujyo_app', 'dujyo_readonly', 'monitoring') LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION refresh_top_holders(interval) FROM %I', member);
        IF member = 'dujyo_app' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION refresh_top_holders(interval) TO %I', member);
        END IF;
    END LOOP;
END
$$;
