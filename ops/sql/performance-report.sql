-- The monthly performance report: plain SQL, read-only, for psql -f.
--
-- Runs as dujyo_user or as monitoring, on the primary; reads the server's statistics and no row of the ledger, so it
-- costs the same however large that has become. Counters go back to the reset that the first answer tells.

-- How far back the counters reach, and how long this member has been up.
SELECT current_database() AS "report on",
       now()::timestamptz(0) AS made,
       pg_is_in_recovery() AS replica,
       stats_reset::timestamptz(0) AS "counters since",
       (now() - pg_postmaster_start_time())::interval(0) AS "server up",
       pg_size_pretty(pg_database_size(current_database())) AS "database size"
FROM pg_stat_database
WHERE datname = current_database();

-- Where the time of the server went: total time first, since a fast statement called often weighs more than a slow one.
SELECT left(regexp_replace(s.query, '\s+', ' ', 'g'), 80) AS "statements by total time",
       s.calls,
       round((s.total_exec_time / 1000)::numeric, 1) AS "total s",
       round(s.mean_exec_time::numeric, 2) AS "mean ms",
       round(s.max_exec_time::numeric, 1) AS "max ms",
       s.rows,
       round(100.0 * s.shared_blks_hit / nullif(s.shared_blks_hit + s.shared_blks_read, 0), 1) AS "buffer hit %"
FROM pg_stat_statements s
JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
ORDER BY s.total_exec_time DESC
LIMIT 15;

-- Slow on the average, by the same threshold as get_slow_queries().
SELECT left(regexp_replace(query_text, '\s+', ' ', 'g'), 80) AS "statements with a mean above 1000 ms",
       calls,
       round(mean_time::numeric, 1) AS "mean ms",
       rows
FROM get_slow_queries();

-- Most used indexes, partitions added up.
SELECT index_name AS "index by use", table_name, index_scans, tuples_read
FROM get_index_usage()
LIMIT 20;

-- Never used since the counters began, on this member: reads go to the replicas, so ask those before dropping any.
-- Unique ones are left out, they work without being scanned.
SELECT coalesce(pg_partition_root(s.indexrelid), s.indexrelid)::regclass AS "index without a scan",
       coalesce(pg_partition_root(s.relid), s.relid)::regclass AS "table",
       pg_size_pretty(sum(pg_relation_size(s.indexrelid))) AS size
FROM pg_stat_user_indexes s
JOIN pg_index i ON i.indexrelid = s.indexrelid
WHERE NOT i.indisunique
GROUP BY 1, 2
HAVING sum(s.idx_scan) = 0
ORDER BY sum(pg_relation_size(s.indexrelid)) DESC;

-- Sizes, and what dead rows take of them: an estimate from the statistics, good to tell whether vacuum keeps up.
SELECT coalesce(pg_partition_root(relid), relid)::regclass AS "table by size",
       pg_size_pretty(sum(pg_total_relation_size(relid))) AS "with indexes",
       pg_size_pretty(sum(pg_table_size(relid))) AS "rows alone",
       sum(n_live_tup) AS rows,
       sum(n_dead_tup) AS "dead rows",
       pg_size_pretty(sum(pg_table_size(relid) * n_dead_tup / greatest(n_live_tup + n_dead_tup, 1))::bigint) AS "bloat, estimated",
       max(greatest(last_vacuum, last_autovacuum))::timestamptz(0) AS "last vacuum",
       max(greatest(last_analyze, last_autoanalyze))::timestamptz(0) AS "last analyze"
FROM pg_stat_user_tables
GROUP BY 1
ORDER BY sum(pg_total_relation_size(relid)) DESC
LIMIT 20;

-- Whether the memory is enough: reads that found their page in the server's own buffers.
SELECT 'table pages' AS "buffer hits",
       sum(heap_blks_hit) AS hits,
       sum(heap_blks_read) AS reads,
       round(100 * sum(heap_blks_hit) / nullif(sum(heap_blks_hit) + sum(heap_blks_read), 0), 2) AS "hit %"
FROM pg_statio_user_tables
UNION ALL
SELECT 'index pages', sum(idx_blks_hit), sum(idx_blks_read),
       round(100 * sum(idx_blks_hit) / nullif(sum(idx_blks_hit) + sum(idx_blks_read), 0), 2)
FROM pg_statio_user_tables;

-- Sessions against the limit, by role and what they are at.
SELECT coalesce(usename, backend_type) AS "sessions of",
       coalesce(state, '-') AS state,
       count(*) AS sessions,
       round(100.0 * count(*) / current_setting('max_connections')::integer, 1) AS "% of max_connections"
FROM pg_stat_activity
WHERE backend_type IN ('client backend', 'walsender')
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2;

-- What waits, breaks off or spills, over the counters' life.
SELECT xact_commit AS commits,
       xact_rollback AS rollbacks,
       deadlocks,
       conflicts,
       temp_files AS "spilled to disk",
       pg_size_pretty(temp_bytes) AS "spilled",
       checksum_failures AS "bad pages"
FROM pg_stat_database
WHERE datname = current_database();

-- Replicas and how far behind they are. Empty on a replica itself.
SELECT application_name AS "replica",
       state,
       sync_state AS "counts for commits",
       pg_size_pretty(pg_wal_lsn_diff(sent_lsn, replay_lsn)) AS "not yet replayed",
       coalesce(replay_lag, interval '0')::interval(3) AS "replay lag"
FROM pg_stat_replication
ORDER BY 1;

-- Growth of the ledger, month by month: each month is a partition, and rows are never deleted.
SELECT c.relname AS "month of the ledger",
       greatest(c.reltuples, 0)::bigint AS "transactions, about",
       pg_size_pretty(pg_total_relation_size(c.oid)) AS size,
       pg_size_pretty(sum(pg_total_relation_size(c.oid)) OVER (ORDER BY c.relname)) AS "size so far"
FROM pg_partition_tree('transactions') p
JOIN pg_class c ON c.oid = p.relid
WHERE p.isleaf
ORDER BY c.relname;
