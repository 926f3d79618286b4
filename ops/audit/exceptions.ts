import type { Settings } from "../../infra/settings/schema.ts";

/** Something that a check objects to, and why it is so all the same. */
export interface Exception {
  /** Identity of the check. */
  readonly check: string;
  /** Which of its offences. */
  readonly offence: RegExp;
  readonly reason: string;
  /** Stacks that it holds for. @default all */
  readonly where?: (settings: Pick<Settings, "backup">) => boolean;
}

const CONTAINER_LOG = 'lines go to the container\'s log, which the engine rotates and "npm run logs" reads';

const EXCEPTIONS: readonly Exception[] = [
  {
    check: "links/plaintext",
    offence: /^(gateway:8083|prometheus-0:9090|alertmanager-0:9093|grafana(-0)?:3000) /,
    reason: "HTTP for the machine's own loopback, where alone it is published",
  },
  {
    check: "links/no-certificate",
    offence: /^(backup|postgres)-\d+:8432 /,
    reason:
      "pgBackRest tells whoever comes its name and version, and ends the session of a client without a certificate at its first request",
  },
  {
    check: "addresses/stranger",
    offence: /^redis-\d+:\d+ /,
    reason: "Redis asks for no address; it asks for TLS and a password, and is published on loopback alone",
  },
  {
    check: "addresses/stranger",
    offence: /^(prometheus-0:9090|alertmanager-0:9093|grafana(-0)?:3000) /,
    reason:
      "pages ask for no address and are published on loopback alone; engines before version 28 forward what a neighbour on the machine's own link sends to their containers all the same",
  },
  { check: "cis-postgres/3.1.3", offence: /./, reason: CONTAINER_LOG },
  {
    check: "cis-postgres/4.8",
    offence: /./,
    reason:
      "the superuser is for Patroni, the members and their jobs alone, which log in as it; no client file names it, so nobody is there who would change into it",
  },
  {
    check: "cis-postgres/6.7",
    offence: /./,
    reason: "FIPS mode is the kernel's, which containers share with the machine",
  },
  ...["7.3", "7.4", "8.2"].map((section) => ({
    check: `cis-postgres/${section}`,
    offence: /./,
    reason: "this stack takes no backups, for which the archive would be",
    where: ({ backup }: Pick<Settings, "backup">) => !backup.enabled,
  })),
  {
    check: "links/identity",
    offence: /^postgres-\d+:\d+ shows a certificate that also names haproxy$/,
    reason:
      "TLS of the writer and reader endpoints runs through HAProxy to the member, which answers under its name",
  },
  {
    check: "links/identity",
    offence: /^api-\d+:8083 shows a certificate that also names (api-\d+(, )?)+$/,
    reason:
      "instances of a service are interchangeable, so they have one certificate, and any may answer for another",
  },
  {
    check: "cis-docker/5.6",
    offence: /^node-exporter mounts \/sys\/fs\/cgroup$/,
    reason: "figures of the containers are read from there; read-only",
  },
  {
    check: "cis-docker/5.15",
    offence: /is restarted without bound$/,
    reason:
      "a member has to come back by itself, however often; the alert ContainerRestarting tells of one that keeps ending",
  },
];

/** What a stack of these settings is excused for. */
export function exceptionsFor(settings: Pick<Settings, "backup">): readonly Exception[] {
  return EXCEPTIONS.filter(({ where }) => where?.(settings) ?? true);
}
