-- Run by the superuser in database dujyo_blockchain, on the primary, as often as one likes.

-- The schema belongs to the role that migrates; others see what is in it and add nothing.
ALTER SCHEMA public OWNER TO dujyo_user;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO dujyo_app, dujyo_readonly, monitoring;

-- Whatever the owner creates from now on, the application may read and write rows of, and readers may read.
ALTER DEFAULT PRIVILEGES FOR ROLE dujyo_user IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dujyo_app;
ALTER DEFAULT PRIVILEGES FOR ROLE dujyo_user IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO dujyo_app;
ALTER DEFAULT PRIVILEGES FOR ROLE dujyo_user IN SCHEMA public
  GRANT SELECT ON TABLES TO dujyo_readonly;
-- Functions are executable by everyone unless that is taken back, for all schemas at once.
ALTER DEFAULT PRIVILEGES FOR ROLE dujyo_user
  REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE dujyo_user IN SCHEMA public
  GRANT EXECUTE ON FUNCTIONS TO dujyo_app, dujyo_readonly, monitoring;

-- In public, where get_slow_queries() expects it.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public;

-- Names the objects of definitions in the records.
CREATE EXTENSION IF NOT EXISTS pgaudit SCHEMA public;
-- They act as the superuser when an event calls them; nobody else has to.
REVOKE ALL ON FUNCTION public.pgaudit_ddl_command_end(), public.pgaudit_sql_drop() FROM PUBLIC;

-- PgBouncer asks here who may log in. The function runs as the superuser because verifiers are readable by nobody
-- else; it gives away those of the roles that pool, and no other's.
CREATE SCHEMA IF NOT EXISTS pgbouncer AUTHORIZATION postgres;
REVOKE ALL ON SCHEMA pgbouncer FROM PUBLIC;
GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer;

CREATE OR REPLACE FUNCTION pgbouncer.lookup(wanted text, OUT role_name text, OUT verifier text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT rolname::text, rolpassword
  FROM pg_catalog.pg_authid
  WHERE rolname = wanted
    AND rolcanlogin
    AND (rolvaliduntil IS NULL OR rolvaliduntil > now())
    AND rolname IN ('dujyo_app', 'dujyo_readonly', 'monitoring');
END;
REVOKE ALL ON FUNCTION pgbouncer.lookup(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgbouncer.lookup(text) TO pgbouncer;
