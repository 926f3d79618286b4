import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { RECEIVER_HOST, RECEIVER_PORT } from "../../ops/monitoring/receiver.ts";
import { ROOT } from "../../tools/layout.ts";

/** Name of the stack that the tests bring up; ports and network of its own keep it off a developer's stack. */
export const STACK = "test";

type Section = Record<string, unknown>;

/** Settings of a stack: small members, quick recovery. */
export const BASE_SETTINGS: Record<string, unknown> = {
  portOffset: 13_100,
  docker: { subnet: "172.30.18.0/24" },
  // Of a network for examples: the tests make a client in it.
  access: { allowedCidrs: ["198.51.100.0/30"] } satisfies Section,
  postgres: { recovery: "fast", memory: "384 MB", maxConnections: 64 } satisfies Section,
  pgbouncer: { writerPool: 10, readerPool: 5 } satisfies Section,
  redis: { memory: "72 MB" } satisfies Section,
  api: { adminAuth: false } satisfies Section,
  ledger: { data: "test" } satisfies Section,
  // The drill follows an alert to a receiver of its own, and has no quarter of an hour.
  monitoring: {
    alertPace: 0.1,
    receivers: [
      {
        ...{ name: "drill", type: "pagerduty", url: `http://${RECEIVER_HOST}:${RECEIVER_PORT}/` },
        severities: ["page", "ticket"],
      },
    ],
  } satisfies Section,
};

/** Secrets of the receivers, which no stack file holds in plain text. */
export const RECEIVER_SECRETS: Record<string, string> = { drill: "0123456789abcdef0123456789abcdef" };

/** A second stack, for what can not be done to one that serves other tests: first starts and removals. */
export const SMALL_STACK = "small";

/** Settings of the second stack: every kind of member but the monitoring's, as few of each as there may be. */
export const SMALL_SETTINGS: Record<string, unknown> = {
  portOffset: 13_300,
  docker: { subnet: "172.30.20.0/24" },
  etcd: { members: 1 } satisfies Section,
  postgres: { replicas: 1, recovery: "fast", memory: "384 MB", maxConnections: 64 } satisfies Section,
  pgbouncer: { writerPool: 10, readerPool: 10 } satisfies Section,
  redis: { replicasPerShard: 0, memory: "72 MB" } satisfies Section,
  api: { instances: 1 } satisfies Section,
  monitoring: { enabled: false } satisfies Section,
};

/** Writes a stack's file as a person would. */
export function writeSettings(settings: Record<string, unknown>, stack = STACK): void {
  const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`dujyo:${key}`, value]));
  writeFileSync(join(ROOT, `Pulumi.${stack}.yaml`), stringify({ config }));
}

/** {@link BASE_SETTINGS} with some keys of some sections changed. */
export function changedSettings(changes: Record<string, Section>): Record<string, unknown> {
  const merged = Object.entries(changes).map(([section, values]) => [
    section,
    { ...(BASE_SETTINGS[section] as Section | undefined), ...values },
  ]);
  return { ...BASE_SETTINGS, ...Object.fromEntries(merged) };
}
