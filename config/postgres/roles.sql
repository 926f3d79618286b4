-- Run by the superuser in database postgres, on the primary, as often as one likes. Passwords are set apart from this
-- file, from secret files, by postgres-settle.

-- A role per purpose; none may do what another is for.
SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['dujyo_user', 'dujyo_app', 'dujyo_readonly', 'monitoring', 'pgbouncer']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

-- Nobody logs in as this one: its rights name what pgAudit keeps a record of.
SELECT 'CREATE ROLE dujyo_audited NOLOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dujyo_audited')
\gexec

-- Members log in as one role of a pair, and as the other with their next password: a role has one password, and members
-- take up a new one at different moments. Patroni makes those of its configuration at bootstrap only; postgres-settle says
-- which of them may log in.
SELECT format('CREATE ROLE %I %s', name, attributes)
FROM (VALUES ('dujyo_repl', 'REPLICATION'), ('dujyo_repl_b', 'REPLICATION'), ('dujyo_rewind', ''), ('dujyo_rewind_b', ''))
  AS pairs (name, attributes)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
GRANT EXECUTE ON FUNCTION
  pg_catalog.pg_ls_dir(text, boolean, boolean),
  pg_catalog.pg_stat_file(text, boolean),
  pg_catalog.pg_read_binary_file(text),
  pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)
TO dujyo_rewind, dujyo_rewind_b;

-- Figures, and a seat that is kept free for whoever looks when all others are taken.
GRANT pg_monitor, pg_use_reserved_connections TO monitoring;
-- get_slow_queries() belongs to the owner of the schema and reads everybody's statements.
GRANT pg_read_all_stats TO dujyo_user;
-- The API's admin routes report replicas, sessions and statements; state without this right shows as null.
GRANT pg_read_all_stats TO dujyo_app;

-- Limits per role. The owner migrates and maintains: index builds may take their time, locks may not be waited for long.
ALTER ROLE dujyo_user SET lock_timeout = '10s';
ALTER ROLE dujyo_app SET statement_timeout = '10s';
ALTER ROLE dujyo_app SET lock_timeout = '3s';
ALTER ROLE dujyo_app SET transaction_timeout = '30s';
ALTER ROLE dujyo_app SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE dujyo_readonly SET default_transaction_read_only = on;
ALTER ROLE dujyo_readonly SET statement_timeout = '10s';
ALTER ROLE dujyo_readonly SET transaction_timeout = '30s';
ALTER ROLE dujyo_readonly SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE monitoring SET default_transaction_read_only = on;
ALTER ROLE monitoring SET statement_timeout = '10s';
ALTER ROLE pgbouncer SET default_transaction_read_only = on;
ALTER ROLE pgbouncer SET statement_timeout = '5s';
-- The pooler logs in with its certificate.
ALTER ROLE pgbouncer PASSWORD NULL;

-- How many sessions each may have at once, so that none takes the seats of the others. What pools is bounded by its pools
-- well below this: what is left to it is all but the seats that infra/settings/budgets.ts gives to everybody else. The one
-- of the superuser is for the record: PostgreSQL holds no superuser to it.
SELECT format('ALTER ROLE %I CONNECTION LIMIT %s', name, sessions)
FROM (SELECT current_setting('max_connections')::int AS most, current_setting('max_wal_senders')::int AS senders) AS server,
  LATERAL (VALUES
    ('dujyo_app', most - 17), ('dujyo_readonly', most - 17), ('pgbouncer', most - 17),
    ('dujyo_user', 20), ('monitoring', 10), ('dujyo_rewind', 5), ('dujyo_rewind_b', 5),
    ('dujyo_repl', senders), ('dujyo_repl_b', senders), ('postgres', most)
  ) AS limits (name, sessions)
\gexec

SELECT 'CREATE DATABASE dujyo_blockchain OWNER dujyo_user'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'dujyo_blockchain')
\gexec

-- Nobody enters a database without being named.
REVOKE ALL ON DATABASE postgres, template1, dujyo_blockchain FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO monitoring, dujyo_rewind, dujyo_rewind_b;
GRANT CONNECT ON DATABASE dujyo_blockchain TO dujyo_app, dujyo_readonly, monitoring, pgbouncer;
