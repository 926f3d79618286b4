import { postgresMembers, redisMembers } from "../infra/ports.ts";
import type { Settings } from "../infra/settings/schema.ts";

/** What a stack with these settings has to have to be well. */
export interface Expectation {
  /** Names of all members. */
  readonly members: readonly string[];
  /** Replicas that must be able to take over without losing an acknowledged write. */
  readonly quorumStandbys: number;
}

/** Members and quorum that the settings ask for. */
export function expectedMembers(settings: Settings): Expectation {
  const numbered = (part: string, count: number) =>
    Array.from({ length: count }, (_, ordinal) => `${part}-${ordinal}`);
  return {
    members: [
      ...(settings.target === "docker" ? numbered("etcd", settings.etcd.members) : []),
      ...(settings.api.instances === 1 ? ["api"] : numbered("api", settings.api.instances)),
      "gateway",
      "haproxy",
      "pgbouncer",
      ...numbered("postgres", postgresMembers(settings)),
      ...numbered("redis", redisMembers(settings)),
      ...(settings.monitoring.enabled ? monitoringMembers(settings) : []),
    ],
    quorumStandbys: settings.postgres.replicas === 0 ? 0 : settings.postgres.synchronousReplicas,
  };
}

function monitoringMembers(settings: Settings): string[] {
  const exporters = Array.from(
    { length: postgresMembers(settings) },
    (_, ordinal) => `postgres-exporter-${ordinal}`,
  );
  return [
    ...exporters,
    "pgbouncer-exporter",
    "redis-exporter",
    "node-exporter",
    "alertmanager-0",
    "prometheus-0",
  ];
}
