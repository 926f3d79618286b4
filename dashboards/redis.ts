import { fires, wrongBelow } from "./bounds.ts";
import { dashboard } from "./dashboard.ts";
import { figure, graph, query } from "./panels.ts";
import { PICKED, rate, sumBy } from "./selectors.ts";

const each = (name: string) => query(`${name}{${PICKED}}`, "{{instance}}");
const growth = (name: string) => query(rate(`${name}{${PICKED}}`), "{{instance}}");

const cluster = [
  figure({
    title: "Members that see the cluster down",
    description: "Members whose own view of the cluster is not `ok`. 0 is normal.",
    unit: "short",
    span: 5,
    queries: [query("sum(1 - redis_cluster_state)", "members")],
    bounds: [fires("RedisClusterDown", { whole: true })],
  }),
  figure({
    title: "Slots served",
    description: "As the worst-informed member sees it. 16384 is normal.",
    unit: "short",
    span: 5,
    queries: [query("min(redis_cluster_slots_ok)", "slots")],
    bounds: [wrongBelow(16_384, "page")],
  }),
  figure({
    title: "Slots failing",
    description: "Slots whose primary is gone, as the members agree. 0 is normal.",
    unit: "short",
    span: 5,
    queries: [query("max(redis_cluster_slots_fail)", "slots")],
    bounds: [fires("RedisSlotsFailing", { whole: true })],
  }),
  figure({
    title: "Slots suspected",
    description: "Slots whose primary does not answer some member. 0 is normal.",
    unit: "short",
    span: 5,
    queries: [query("max(redis_cluster_slots_pfail)", "slots")],
    bounds: [fires("RedisSlotsSuspected", { whole: true })],
  }),
  figure({
    title: "Shards",
    description: "Primaries that serve slots. A cluster has at least 3.",
    unit: "short",
    span: 4,
    queries: [query("min(redis_cluster_size)", "shards")],
    bounds: [wrongBelow(3, "page")],
  }),
  graph({
    title: "Role",
    description: "1 for primaries. A step is a failover of a shard.",
    unit: "short",
    max: 1,
    queries: [
      query(
        `max by (instance) (redis_instance_info{role="master", ${PICKED}}) or 0 * max by (instance) (redis_instance_info{${PICKED}})`,
        "{{instance}}",
      ),
    ],
  }),
  graph({
    title: "Replicas in touch",
    description: "Replicas that each member feeds. A primary without one loses its data with its node.",
    unit: "short",
    queries: [each("redis_connected_slaves")],
  }),
  graph({
    title: "Replication offsets",
    description:
      "Bytes of the replication stream that each member has; replicas run level with their primary.",
    unit: "bytes",
    queries: [each("redis_master_repl_offset")],
  }),
];

const work = [
  graph({
    title: "Commands",
    description: "Commands that each member ran.",
    unit: "ops",
    queries: [growth("redis_commands_processed_total")],
  }),
  graph({
    title: "Commands by kind",
    description: "Over all members, the ten most frequent.",
    unit: "ops",
    stacked: true,
    queries: [query(`topk(10, ${sumBy("cmd", rate(`redis_commands_total{${PICKED}}`))})`, "{{cmd}}")],
  }),
  graph({
    title: "Mean time of a command",
    description: "Time inside the server, without the network. Well below a millisecond is normal.",
    unit: "s",
    queries: [
      query(
        `${sumBy("instance", rate(`redis_commands_duration_seconds_total{${PICKED}}`))} / ${sumBy("instance", rate(`redis_commands_total{${PICKED}}`))}`,
        "{{instance}}",
      ),
    ],
  }),
  graph({
    title: "Key look-ups that hit",
    description: "Share of look-ups in the keyspace that found their key, by member that was asked at all.",
    unit: "percentunit",
    max: 1,
    queries: [
      query(
        `${rate(`redis_keyspace_hits_total{${PICKED}}`)} / (${rate(`redis_keyspace_hits_total{${PICKED}}`)} + ${rate(`redis_keyspace_misses_total{${PICKED}}`)} > 0)`,
        "{{instance}}",
      ),
    ],
  }),
  graph({
    title: "Clients",
    description: "Open connections by member.",
    unit: "short",
    queries: [each("redis_connected_clients")],
  }),
  graph({
    title: "Network",
    description: "Bytes in and out, over all members.",
    unit: "Bps",
    queries: [
      query(`sum(${rate(`redis_net_input_bytes_total{${PICKED}}`)})`, "in"),
      query(`sum(${rate(`redis_net_output_bytes_total{${PICKED}}`)})`, "out"),
    ],
  }),
];

const memory = [
  graph({
    title: "Memory against maxmemory",
    description: "A full cache is no fault: at 1 the keys that were asked for longest ago have to go.",
    unit: "percentunit",
    max: 1,
    queries: [query(`instance:redis_memory:ratio{${PICKED}}`, "{{instance}}")],
    bounds: [fires("RedisMemoryHigh")],
  }),
  graph({
    title: "Keys",
    description: "Keys by member; a shard's primary and replicas have the same.",
    unit: "short",
    queries: [query(`sum by (instance) (redis_db_keys{${PICKED}})`, "{{instance}}")],
  }),
  graph({
    title: "Keys evicted and expired",
    description:
      "Evictions are keys that had to go for want of room; expiries came to the end of their life.",
    unit: "ops",
    queries: [
      query(sumBy("instance", rate(`redis_evicted_keys_total{${PICKED}}`)), "{{instance}} evicted"),
      query(sumBy("instance", rate(`redis_expired_keys_total{${PICKED}}`)), "{{instance}} expired"),
    ],
    bounds: [fires("RedisEvictions")],
  }),
];

const trouble = [
  graph({
    title: "Slow log",
    description: "Commands that were entered in SLOWLOG in the last ten minutes.",
    unit: "short",
    queries: [query(`increase(redis_slowlog_last_id{${PICKED}}[10m])`, "{{instance}}")],
    bounds: [fires("RedisSlowCommands")],
  }),
  graph({
    title: "Refusals by access rules",
    description: "What the access rules refused, by kind (ACL LOG has the details). 0 is normal.",
    unit: "ops",
    queries: ["auth", "cmd", "key", "channel"].map((kind) =>
      query(`sum(${rate(`redis_acl_access_denied_${kind}_total{${PICKED}}`)})`, kind),
    ),
  }),
  graph({
    title: "Connections refused, commands failed",
    description: "Connections beyond maxclients, and answers that were errors.",
    unit: "ops",
    queries: [
      query(`sum(${rate(`redis_rejected_connections_total{${PICKED}}`)})`, "connections refused"),
      query(`sum(${rate(`redis_total_error_replies{${PICKED}}`)})`, "error replies"),
    ],
  }),
];

export const redis = dashboard({
  name: "redis",
  description: "The shared cache: the cluster as its members see it, what they do, what they hold.",
  instancesOf: 'up{job="redis"}',
  rows: [
    { title: "Cluster", panels: cluster },
    { title: "Work", panels: work },
    { title: "Memory", panels: memory },
    { title: "Trouble", panels: trouble },
  ],
});
