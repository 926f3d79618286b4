import type { Settings } from "../../infra/settings/schema.ts";

type Shape = Pick<Settings, "target"> & {
  readonly backup: Pick<Settings["backup"], "enabled">;
  readonly postgres: Pick<Settings["postgres"], "replicas">;
  readonly redis: Pick<Settings["redis"], "replicasPerShard">;
};

/** Something that a healthy stack of some shape lacks, and why. */
export interface Exception {
  readonly reason: string;
  /** Metric by name. */
  readonly metric?: RegExp;
  /** Panel by dashboard and title, `dujyo-capacity / Consensus store`. */
  readonly panel?: RegExp;
  /** Stacks that lack it. @default all */
  readonly where?: (settings: Shape) => boolean;
}

const onKubernetes = ({ target }: Shape) => target === "kubernetes";

const withoutBackups = ({ backup }: Shape) => !backup.enabled;

const EXCEPTIONS: readonly Exception[] = [
  {
    metric: /^dujyo_backup_|^dujyo_restore_/,
    reason: "the series come with backups, which this stack does not take",
    where: withoutBackups,
  },
  {
    metric: /^dujyo_pg_archive_/,
    reason: "the series come with archive_mode, which is off",
    where: withoutBackups,
  },
  {
    metric: /^redis_master_link_up$/,
    reason: "the link of a Redis replica to its primary; there are no replicas (redis.replicasPerShard is 0)",
    where: ({ redis }) => redis.replicasPerShard === 0,
  },
  {
    metric: /^dujyo_pg_replication_|^standby:pg_replication_|^pg_replication_slots_/,
    panel: /^dujyo-(postgres|overview) \/ (Replay lag in bytes|Replay lag in seconds|Log held for slots)$/,
    reason: "what the primary knows of its standbys; there are none (postgres.replicas is 0)",
    where: ({ postgres }) => postgres.replicas === 0,
  },
  {
    metric: /^etcd_/,
    panel: /^dujyo-capacity \/ (Consensus store|Slowest write of the consensus store)$/,
    reason: "Patroni elects through the cluster's own interface, so there is no etcd in the stack",
    where: onKubernetes,
  },
  {
    panel: /^dujyo-pooling \/ The API's gateway$/,
    reason: "a Service of the cluster leads to the API's instances, so there is no gateway",
    where: onKubernetes,
  },
  {
    metric: /^dujyo_member_host_info$/,
    reason: "which of several nodes a member runs on; there is one machine",
    where: ({ target }) => target === "docker",
  },
  {
    metric: /^container_|^instance:container_/,
    panel: /^dujyo-capacity \/ (Memory against the limit|Processor time|Throttled|Age of containers)$/,
    reason: "figures of pods are those of the cluster's own monitoring",
    where: onKubernetes,
  },
];

/** What a stack of these settings may lack; all else has to be there. The check lists what it made use of. */
export function exceptionsFor(settings: Shape): readonly Exception[] {
  return EXCEPTIONS.filter(({ where }) => where?.(settings) ?? true);
}

export function forMetric(exceptions: readonly Exception[], name: string): Exception | undefined {
  return exceptions.find(({ metric }) => metric?.test(name));
}

export function forPanel(
  exceptions: readonly Exception[],
  dashboard: string,
  panel: string,
): Exception | undefined {
  return exceptions.find((exception) => exception.panel?.test(`${dashboard} / ${panel}`));
}
