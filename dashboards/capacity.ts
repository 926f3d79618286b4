import { fires } from "./bounds.ts";
import { dashboard } from "./dashboard.ts";
import { figure, graph, query } from "./panels.ts";
import { DISKS, PICKED, rate } from "./selectors.ts";

const machines = [
  graph({
    title: "Processors busy",
    description: "Share of all cores of each machine.",
    unit: "percentunit",
    max: 1,
    queries: [query("instance:node_cpu_busy:ratio_rate5m", "{{instance}}")],
    bounds: [fires("NodeCpuBusy")],
  }),
  graph({
    title: "Memory available",
    description: "Share of the memory that programs can still get without swapping.",
    unit: "percentunit",
    max: 1,
    queries: [query("node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "{{instance}}")],
    bounds: [fires("NodeMemoryLow")],
  }),
  graph({
    title: "Disk free",
    description: "Share of each file system that holds data.",
    unit: "percentunit",
    max: 1,
    queries: [query("instance_device:node_filesystem_free:ratio", "{{instance}} {{device}}")],
    bounds: [fires("DiskNearlyFull")],
  }),
  figure({
    title: "Disk free in a day",
    description: "Where the last six hours lead to, if it goes on like that. Below 0 it is full by then.",
    unit: "bytes",
    span: 8,
    queries: [
      query(
        `min by (instance, device) (predict_linear(node_filesystem_avail_bytes{${DISKS}}[6h], 86400))`,
        "{{device}}",
      ),
    ],
    bounds: [fires("DiskFilling")],
  }),
  graph({
    title: "Disk traffic",
    description: "Bytes read and written.",
    unit: "Bps",
    queries: [
      query(`sum by (instance) (${rate("node_disk_read_bytes_total")})`, "{{instance}} read"),
      query(`sum by (instance) (${rate("node_disk_written_bytes_total")})`, "{{instance}} written"),
    ],
  }),
  graph({
    title: "Load",
    description: "Processes that run or wait, mean of 5 minutes, for each core. Beyond 1 some of them wait.",
    unit: "short",
    queries: [
      query(
        'sum by (instance) (node_load5) / count by (instance) (node_cpu_seconds_total{mode="idle"})',
        "{{instance}}",
      ),
    ],
  }),
];

const containers = [
  graph({
    title: "Memory against the limit",
    description: "Working set of each container as a share of its limit. At 1 the kernel ends it.",
    unit: "percentunit",
    max: 1,
    span: 12,
    queries: [query(`instance:container_memory:ratio{${PICKED}}`, "{{instance}}")],
    bounds: [fires("ContainerMemoryHigh")],
  }),
  graph({
    title: "Processor time",
    description: "Cores used by each container, the ten busiest.",
    unit: "short",
    span: 12,
    queries: [
      query(
        `topk(10, sum by (instance) (${rate(`container_cpu_usage_seconds_total{job="containers", ${PICKED}}`)}))`,
        "{{instance}}",
      ),
    ],
  }),
  graph({
    title: "Throttled",
    description: "Share of periods in which a container wanted more processor than its limit.",
    unit: "percentunit",
    max: 1,
    span: 12,
    queries: [
      query(
        `sum by (instance) (${rate(`container_cpu_cfs_throttled_periods_total{job="containers", ${PICKED}}`)}) / (sum by (instance) (${rate(`container_cpu_cfs_periods_total{job="containers", ${PICKED}}`)}) > 0)`,
        "{{instance}}",
      ),
    ],
    bounds: [fires("ContainerThrottled")],
  }),
  graph({
    title: "Age of containers",
    description: "A drop to 0 is a restart.",
    unit: "s",
    span: 12,
    queries: [
      query(
        `time() - max by (instance) (container_start_time_seconds{job="containers", ${PICKED}})`,
        "{{instance}}",
      ),
    ],
  }),
];

const growth = [
  graph({
    title: "Databases",
    description: "Size on the largest member.",
    unit: "bytes",
    queries: [query("max by (datname) (pg_database_size_bytes)", "{{datname}}")],
  }),
  graph({
    title: "Consensus store",
    description: "Size of etcd's database on each member; only where etcd is part of the stack.",
    unit: "bytes",
    queries: [
      query(`etcd_mvcc_db_total_size_in_bytes`, "{{instance}}"),
      query("min(etcd_server_quota_backend_bytes)", "limit"),
    ],
  }),
  graph({
    title: "Slowest write of the consensus store",
    description: "p99 of a log write to disk. Slow ones delay heartbeats, and leaders are lost.",
    unit: "s",
    queries: [
      query(
        `histogram_quantile(0.99, sum by (le, instance) (${rate("etcd_disk_wal_fsync_duration_seconds_bucket")}))`,
        "{{instance}}",
      ),
    ],
    bounds: [fires("EtcdSlowDisk")],
  }),
];

const monitoring = [
  graph({
    title: "Series",
    description: "What Prometheus holds in memory, and samples it takes in a second.",
    unit: "short",
    queries: [
      query('prometheus_tsdb_head_series{job="prometheus"}', "series"),
      query(
        `rate(prometheus_tsdb_head_samples_appended_total{job="prometheus", type="float"}[5m])`,
        "samples a second",
      ),
    ],
  }),
  graph({
    title: "Time to read each part",
    description: "Longest scrape of each job.",
    unit: "s",
    queries: [query("max by (job) (scrape_duration_seconds)", "{{job}}")],
  }),
  graph({
    title: "Series of each API process",
    description: "What a scrape of the API returns.",
    unit: "short",
    queries: [query('scrape_samples_scraped{job="api"}', "{{instance}}")],
    bounds: [fires("ApiMetricsHeavy")],
  }),
  graph({
    title: "Certificates",
    description: "Time until each certificate expires.",
    unit: "s",
    span: 24,
    queries: [query("min by (member) (dujyo_certificate_expiry_timestamp_seconds) - time()", "{{member}}")],
    bounds: [fires("CertificateExpiresSoon"), fires("CertificateExpiresNow")],
  }),
];

export const capacity = dashboard({
  name: "capacity",
  description: "What is left: machines, containers, disks, and the monitoring itself.",
  instancesOf: 'container_start_time_seconds{job="containers"}',
  rows: [
    { title: "Machines", panels: machines },
    { title: "Containers", panels: containers },
    { title: "What grows", panels: growth },
    { title: "Monitoring", panels: monitoring },
  ],
});
