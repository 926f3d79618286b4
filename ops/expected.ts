import { postgresMembers, redisMembers } from "../infra/ports.ts";
import type { Settings } from "../infra/settings/schema.ts";

/** What a stack with these settings has to have to be well. */
export interface Expectation {
  /** Names of all members. */
  readonly members: readonly string[];
  /** How many instances there are at least of each part whose instances have no names of their own. */
  readonly instances: Readonly<Record<string, number>>;
  /** Replicas that must be able to take over without losing an acknowledged write. */
  readonly quorumStandbys: number;
}

const numbered = (part: string, count: number) =>
  Array.from({ length: count }, (_, ordinal) => `${part}-${ordinal}`);

/** Members and quorum that the settings ask for. */
export function expectedMembers(settings: Settings): Expectation {
  return {
    ...(settings.target === "docker" ? onDocker(settings) : onKubernetes(settings)),
    quorumStandbys:
      settings.postgres.standby || settings.postgres.replicas === 0
        ? 0
        : settings.postgres.synchronousReplicas,
  };
}

function onDocker(settings: Settings): Pick<Expectation, "members" | "instances"> {
  return {
    members: [
      ...numbered("etcd", settings.etcd.members),
      ...(settings.api.instances === 1 ? ["api"] : numbered("api", settings.api.instances)),
      "gateway",
      "haproxy",
      "pgbouncer",
      ...namedMembers(settings),
      ...(settings.monitoring.enabled ? [...SINGLE_EXPORTERS, "pgbouncer-exporter"] : []),
    ],
    instances: {},
  };
}

/**
 * A cluster names the instances of its services itself, and brings what stands in front of the API and under Patroni. Poolers
 * have their exporters beside them.
 */
function onKubernetes(settings: Settings): Pick<Expectation, "members" | "instances"> {
  const { api, haproxy, pgbouncer, monitoring, postgres } = settings;
  if (postgres.standby)
    return {
      members: numbered("postgres", postgresMembers(settings)),
      instances: { haproxy: haproxy.instances },
    };
  const exporters = monitoring.enabled ? SINGLE_EXPORTERS.map((part) => [part, 1] as const) : [];
  return {
    members: namedMembers(settings),
    instances: {
      ...{ api: api.instances, haproxy: haproxy.instances, pgbouncer: pgbouncer.instances },
      ...Object.fromEntries(exporters),
    },
  };
}

const SINGLE_EXPORTERS = ["redis-exporter", "node-exporter"];

/** Members that keep their names on every target. */
function namedMembers(settings: Settings): string[] {
  return [
    ...numbered("postgres", postgresMembers(settings)),
    ...(settings.backup.enabled ? ["backup-0"] : []),
    ...numbered("redis", redisMembers(settings)),
    ...(settings.monitoring.enabled ? numbered("postgres-exporter", postgresMembers(settings)) : []),
    ...(settings.monitoring.enabled && settings.monitoring.mode === "bundled"
      ? ["alertmanager-0", "prometheus-0"]
      : []),
  ];
}
