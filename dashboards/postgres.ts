import { fires } from "./bounds.ts";
import { dashboard } from "./dashboard.ts";
import { graph, query, table } from "./panels.ts";
import { LEDGER, PICKED, rate } from "./selectors.ts";

const replication = [
  graph({
    title: "Role",
    description: "1 for the member that leads. A step is a failover or a switchover; never two at 1.",
    unit: "short",
    max: 1,
    queries: [query(`patroni_primary{${PICKED}}`, "{{instance}}")],
  }),
  graph({
    title: "Timeline",
    description: "Counts the promotions. Members that stay apart for minutes do not follow the same leader.",
    unit: "short",
    queries: [query(`patroni_postgres_timeline{${PICKED}}`, "{{instance}}")],
  }),
  graph({
    title: "Quorum of standbys",
    description:
      "Standbys that a commit may wait for, and how many it demands. Fewer than demanded: writes wait.",
    unit: "short",
    queries: [
      query("max(dujyo_pg_quorum_standbys)", "in place"),
      query("max(dujyo_pg_quorum_standbys_demanded)", "demanded"),
    ],
  }),
  graph({
    title: "Replay lag in bytes",
    description: "Log that the primary has written and a standby has not replayed, as the primary sees it.",
    unit: "bytes",
    queries: [query("standby:pg_replication_lag_bytes:max", "{{standby}}")],
    bounds: [fires("ReplicationLagBytes")],
  }),
  graph({
    title: "Replay lag in seconds",
    description: "Time between a commit on the primary and its replay on a standby.",
    unit: "s",
    queries: [query("standby:pg_replication_lag_seconds:max", "{{standby}}")],
    bounds: [fires("ReplicationLagSeconds")],
  }),
  graph({
    title: "Log held for slots",
    description:
      "Log that replication slots keep on disk. A slot without a reader grows until the limit cuts it off.",
    unit: "bytes",
    queries: [query(`pg_replication_slots_pg_wal_lsn_diff{${PICKED}}`, "{{instance}} for {{slot_name}}")],
  }),
  graph({
    title: "Consensus last seen",
    description: "Seconds since a member last reached the consensus store. Beyond ttl a leader steps down.",
    unit: "s",
    queries: [query(`time() - patroni_dcs_last_seen{${PICKED}}`, "{{instance}}")],
    bounds: [fires("PatroniDcsUnseen")],
  }),
];

const load = [
  graph({
    title: "Transactions",
    description: "Commits and rollbacks of the ledger's database.",
    unit: "ops",
    queries: [
      query(
        `sum by (instance) (${rate(`pg_stat_database_xact_commit{${LEDGER}, ${PICKED}}`)})`,
        "{{instance}} commits",
      ),
      query(
        `sum by (instance) (${rate(`pg_stat_database_xact_rollback{${LEDGER}, ${PICKED}}`)})`,
        "{{instance}} rollbacks",
      ),
    ],
  }),
  graph({
    title: "Sessions by state",
    description: "Sessions of the ledger's database. Idle in transaction should be a flicker.",
    unit: "short",
    stacked: true,
    queries: [query(`sum by (state) (pg_stat_activity_count{${LEDGER}, ${PICKED}})`, "{{state}}")],
  }),
  graph({
    title: "Sessions against the limit",
    description: "Sessions of clients on each member as a share of what it admits.",
    unit: "percentunit",
    max: 1,
    queries: [query(`instance:pg_connections:ratio{${PICKED}}`, "{{instance}}")],
    bounds: [fires("PostgresConnectionsHigh")],
  }),
  graph({
    title: "Oldest transaction",
    description: "Age of the oldest open transaction. Old ones hold back vacuum everywhere.",
    unit: "s",
    queries: [
      query(`dujyo_pg_long_transaction_seconds{${PICKED}}`, "{{instance}} open"),
      query(`dujyo_pg_idle_in_transaction_seconds{${PICKED}}`, "{{instance}} idle in it"),
    ],
    bounds: [fires("PostgresIdleInTransaction"), fires("PostgresLongTransaction")],
  }),
  graph({
    title: "Buffer hits",
    description: "Share of page requests that shared buffers answered, by member.",
    unit: "percentunit",
    max: 1,
    queries: [query(`instance:pg_cache_hits:ratio_rate5m{${PICKED}}`, "{{instance}}")],
  }),
  graph({
    title: "Deadlocks and sessions that wait for locks",
    description: "Deadlocks are rolled back and repeated; sessions that wait should be few and short.",
    unit: "short",
    queries: [
      query(
        `sum by (instance) (increase(pg_stat_database_deadlocks{${PICKED}}[15m]))`,
        "{{instance}} deadlocks in 15 min",
      ),
      query(`dujyo_pg_lock_waiters{${PICKED}}`, "{{instance}} waiting"),
    ],
    bounds: [fires("PostgresDeadlocks"), fires("PostgresLockWaits", { whole: true })],
  }),
];

const statementsIn = (name: string) =>
  `sum by (instance, queryid) (rate(${name}{${LEDGER}, ${PICKED}}[5m])) * on (instance, queryid) group_left (query) max by (instance, queryid, query) (dujyo_pg_statement_info{${PICKED}})`;

const statements = [
  table({
    title: "Top statements",
    description:
      "Statements that take most of the time of a member, over 5 minutes: seconds of work a second, and how often they run. The query id finds the slow ones in the log.",
    unit: "s",
    span: 24,
    queries: [
      query(statementsIn("pg_stat_statements_seconds_total"), "Time a second"),
      query(statementsIn("pg_stat_statements_calls_total"), "Calls"),
    ],
    columns: { instance: "Instance", query: "Statement", queryid: "Query id" },
    units: { Calls: "ops" },
  }),
  graph({
    title: "Slow statements",
    description: "Share of statements whose mean over 10 minutes is beyond a second (slowQueryMs).",
    unit: "percentunit",
    span: 12,
    queries: [query(`instance:pg_statements_slow:ratio_rate10m{${PICKED}}`, "{{instance}}")],
    bounds: [fires("PostgresSlowStatements")],
  }),
  graph({
    title: "Mean time of a statement",
    description: "Over all statements of the ledger's database.",
    unit: "s",
    span: 12,
    queries: [
      query(
        `sum by (instance) (${rate(`pg_stat_statements_seconds_total{${LEDGER}, ${PICKED}}`)}) / sum by (instance) (${rate(`pg_stat_statements_calls_total{${LEDGER}, ${PICKED}}`)})`,
        "{{instance}}",
      ),
    ],
  }),
];

const byTable = (name: string) => `max by (relname) (${name}{${LEDGER}, ${PICKED}})`;

const tablesAndIndexes = [
  table({
    title: "Tables",
    description: "Size, rows alive and dead, and how many scans read the whole table.",
    unit: "short",
    queries: [
      query(byTable("pg_stat_user_tables_size_bytes"), "Size"),
      query(byTable("pg_stat_user_tables_n_live_tup"), "Rows"),
      query(byTable("pg_stat_user_tables_n_dead_tup"), "Dead rows"),
      query(byTable("pg_stat_user_tables_seq_scan"), "Full scans"),
    ],
    columns: { relname: "Table" },
    units: { Size: "bytes" },
  }),
  table({
    title: "Indexes",
    description:
      "Size and use. A large index without scans on any member costs every write and serves nobody.",
    unit: "short",
    queries: [
      query(`max by (table, index) (dujyo_pg_index_size_bytes{${PICKED}})`, "Size"),
      query(`sum by (table, index) (dujyo_pg_index_scans_total{${PICKED}})`, "Scans"),
    ],
    columns: { table: "Table", index: "Index" },
    units: { Size: "bytes" },
  }),
  graph({
    title: "Share of dead rows",
    description:
      "Bloat of tables: rows that vacuum has not cleared away yet for each live one, in the ten tables that have most of them. The alert asks for 100,000 of them besides.",
    unit: "percentunit",
    queries: [
      query(
        `topk(10, ${byTable("pg_stat_user_tables_n_dead_tup")} / (${byTable("pg_stat_user_tables_n_live_tup")} + 1))`,
        "{{relname}}",
      ),
    ],
    bounds: [fires("PostgresVacuumBehind")],
  }),
  graph({
    title: "Index size for each row",
    description:
      "Bloat of indexes: bytes on disk for each row of the table, in the ten indexes that take most. The width of the keys sets the level; a line that climbs is an index that grows while its table does not. Tables of fewer than 1000 rows count as that many.",
    unit: "bytes",
    queries: [
      query(
        `topk(10, max by (table, index) (dujyo_pg_index_size_bytes{${PICKED}}) / on (table) group_left () clamp_min(max by (table) (label_replace(pg_stat_user_tables_n_live_tup{${LEDGER}, ${PICKED}}, "table", "$1", "relname", "(.+)")), 1000))`,
        "{{index}}",
      ),
    ],
  }),
  graph({
    title: "Invalid indexes",
    description:
      "Left over by an index build that was cut off. They cost writes and serve no query: 0 is normal.",
    unit: "short",
    queries: [query(`dujyo_pg_invalid_indexes{${PICKED}}`, "{{instance}}")],
    bounds: [fires("PostgresInvalidIndex", { whole: true })],
  }),
  graph({
    title: "Age of transaction numbers",
    description:
      "Transactions since the oldest row was frozen. Beyond the limit vacuum is forced; at 2 billion PostgreSQL refuses writes.",
    unit: "short",
    queries: [
      query(`dujyo_pg_xid_age{${PICKED}}`, "{{instance}}"),
      query(`max(dujyo_pg_xid_freeze_limit{${PICKED}})`, "vacuum is forced"),
    ],
    bounds: [fires("PostgresFreezeBehind"), fires("PostgresWraparoundNear")],
  }),
];

const writing = [
  graph({
    title: "Checkpoints",
    description:
      "Checkpoints by cause in the last ten minutes. Requested ones mean that the log filled up before the time was over; replicas count restart points.",
    unit: "short",
    queries: [
      query(`increase(pg_stat_checkpointer_num_timed_total{${PICKED}}[10m])`, "{{instance}} timed"),
      query(`increase(pg_stat_checkpointer_num_requested_total{${PICKED}}[10m])`, "{{instance}} requested"),
      query(
        `increase(pg_stat_checkpointer_restartpoints_done_total{${PICKED}}[10m])`,
        "{{instance}} restart points",
      ),
    ],
  }),
  graph({
    title: "Buffers written",
    description: "Pages written by the checkpointer, and by the background writer to make room.",
    unit: "ops",
    queries: [
      query(rate(`pg_stat_checkpointer_buffers_written_total{${PICKED}}`), "{{instance}} checkpointer"),
      query(rate(`pg_stat_bgwriter_buffers_clean_total{${PICKED}}`), "{{instance}} background writer"),
    ],
  }),
  graph({
    title: "Write-ahead log on disk",
    description:
      "What the log takes. It grows with slots that nobody reads and with an archive that does not answer.",
    unit: "bytes",
    queries: [query(`pg_wal_size_bytes{${PICKED}}`, "{{instance}}")],
  }),
];

const ledger = [
  graph({
    title: "Sealed height",
    description: "Number of the last sealed block. It goes up while transfers are booked.",
    unit: "short",
    queries: [query("max(dujyo_pg_blocks_height)", "height")],
  }),
  graph({
    title: "Oldest transfer that waits for its block",
    description: "0 when all is sealed.",
    unit: "s",
    queries: [query("max(dujyo_pg_pending_oldest_seconds)", "age")],
    bounds: [fires("LedgerSealingStalled")],
  }),
  graph({
    title: "Age of materialised views",
    description: "Time since each view was last refreshed.",
    unit: "s",
    queries: [query("min by (view) (dujyo_pg_view_age_seconds)", "{{view}}")],
    bounds: [fires("LedgerViewStale")],
  }),
  graph({
    title: "Partitions ahead",
    description:
      "Months after the current one that have a partition already. Below 1 a month's end can stop all writes.",
    unit: "short",
    queries: [query("min by (table) (dujyo_pg_partitions_ahead_months)", "{{table}}")],
    bounds: [fires("LedgerPartitionsFew"), fires("LedgerPartitionMissing")],
  }),
];

export const postgres = dashboard({
  name: "postgres",
  description: "Members of PostgreSQL: who leads, who follows how closely, what they do, what grows.",
  instancesOf: 'up{job="postgres"}',
  rows: [
    { title: "Replication and leadership", panels: replication },
    { title: "Load", panels: load },
    { title: "Statements", panels: statements },
    { title: "Tables, indexes, bloat", panels: tablesAndIndexes },
    { title: "Checkpoints and the log", panels: writing },
    { title: "Ledger", panels: ledger },
  ],
});
