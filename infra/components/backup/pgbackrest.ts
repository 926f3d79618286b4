import type * as pulumi from "@pulumi/pulumi";
import { render, renderOutput } from "../../lib/render.ts";
import { seconds } from "../../lib/units.ts";
import { PORTS } from "../../ports.ts";
import type { Settings } from "../../settings/schema.ts";
import type { FileSpec } from "../../target.ts";
import { REPOSITORY_HOST, STANZA } from "./names.ts";

/**
 * Share of a member's disk that WAL may take while the repository is away: what a replica's slot may keep, too, and of the
 * same files, so that both together need no more than one of them.
 */
const QUEUE_SHARE = 0.2;
const MB = 2 ** 20;

export interface RepositoryOptions {
  /** Host names of the members, by ordinal; each is the common name of that member's certificate. */
  readonly members: readonly string[];
  /** What the repository is encrypted with. */
  readonly passphrase: pulumi.Input<string>;
  /** Full backups that are kept; at least 1. */
  readonly retentionFull: number;
}

/** pgBackRest's configuration of the host that keeps the repository; a secret. */
export function repositoryConfiguration(options: RepositoryOptions): pulumi.Output<string> {
  return renderOutput("pgbackrest/repository.conf", {
    passphrase: options.passphrase,
    retentionFull: String(options.retentionFull),
    server: serverOptions(),
    clients: options.members.map((host) => `tls-server-auth=${host}=${STANZA}`).join("\n"),
  });
}

/** Where that host finds the members, by ordinal; no secret. */
export function hostsConfiguration(members: readonly string[]): string {
  const hosts = members.map((host, ordinal) =>
    render("pgbackrest/pg-host.conf", {
      number: String(ordinal + 1),
      host,
      port: PORTS.pgbackrest,
    }).trimEnd(),
  );
  return render("pgbackrest/hosts.conf", { stanza: STANZA, members: hosts.join("\n") });
}

/** pgBackRest's configuration of a member; no secret. */
export function memberConfiguration(): FileSpec {
  return {
    path: "pgbackrest.conf",
    content: render("pgbackrest/member.conf", {
      stanza: STANZA,
      repositoryHost: REPOSITORY_HOST,
      port: PORTS.pgbackrest,
      server: serverOptions(),
    }),
  };
}

/**
 * Lines of Patroni's shared configuration that have WAL archived; none where there are no backups.
 *
 * @param disk bytes of a member's disk
 */
export function archiveParameters({ enabled, archiveTimeout }: Settings["backup"], disk: number): string {
  if (!enabled) return "";
  return render("patroni/archive.yml", {
    stanza: STANZA,
    timeout: `${seconds(archiveTimeout)}s`,
    queueMax: `${Math.floor((disk * QUEUE_SHARE) / MB)}MiB`,
  });
}

function serverOptions(): string {
  return render("pgbackrest/server.conf", { port: PORTS.pgbackrest }).trimEnd();
}
