-- Tells caches about changes that the service did not make itself. The service's own transactions are silent
-- (dujyo.notify = off, for the transaction): it knows what it wrote, and NOTIFY takes one lock for the whole
-- server that is held across the commit.

-- A version that does not rise would let an old cache entry win.
CREATE FUNCTION raise_version() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;

-- Payload: {"t": table, "k": [[key, version], ...]}, split to stay below the limit of 8000 bytes; beyond 2000 rows
-- {"t": table, "all": true}. The argument names the key column.
CREATE FUNCTION notify_changes() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    keys text;
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM changed LIMIT 2001) c) > 2000 THEN
        PERFORM pg_notify('dujyo_invalidate', json_build_object('t', TG_TABLE_NAME, 'all', true)::text);
        RETURN NULL;
    END IF;
    -- Keys have at most 64 plain characters (checked by the tables), so 70 entries stay below 6800 bytes.
    FOR keys IN
        SELECT string_agg(format('["%s",%s]', key, version), ',')
        FROM (SELECT to_jsonb(c) ->> TG_ARGV[0] AS key, c.version, (row_number() OVER () - 1) / 70 AS part FROM changed c) n
        GROUP BY part
    LOOP
        PERFORM pg_notify('dujyo_invalidate', format('{"t":"%s","k":[%s]}', TG_TABLE_NAME, keys));
    END LOOP;
    RETURN NULL;
END
$$;

DO $$
DECLARE
    cached record;
    event text;
BEGIN
    FOR cached IN SELECT * FROM (VALUES ('balances', 'address'), ('token_balances', 'address'), ('dex_pools', 'pool_id')) AS t (name, key) LOOP
        EXECUTE format('CREATE TRIGGER raise_version BEFORE UPDATE ON %I FOR EACH ROW
            WHEN (NEW.version <= OLD.version) EXECUTE FUNCTION raise_version()', cached.name);
        FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE'] LOOP
            EXECUTE format('CREATE TRIGGER notify_%s AFTER %s ON %I REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
                WHEN (current_setting(''dujyo.notify'', true) IS DISTINCT FROM ''off'')
                EXECUTE FUNCTION notify_changes(%L)', lower(event), event, cached.name, cached.key);
        END LOOP;
    END LOOP;
END
$$;
