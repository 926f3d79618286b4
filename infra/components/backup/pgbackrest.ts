import type * as pulumi from "@pulumi/pulumi";
import { render, renderOutput } from "../../lib/render.ts";

/** The port on which pgBackRest's own server listens, on members and on the repository's host. */
const PORT = "8432";
/** What pgBackRest calls the one cluster that the repository holds. */
const STANZA = "dujyo";
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
  const members = options.members.map((host, ordinal) =>
    render("pgbackrest/pg-host.conf", { number: String(ordinal + 1), host, port: PORT }).trimEnd(),
  );
  return renderOutput("pgbackrest/repository.conf", {
    stanza: STANZA,
    passphrase: options.passphrase,
    retentionFull: String(options.retentionFull),
    server: serverOptions(),
    clients: options.members.map((host) => `tls-server-auth=${host}=${STANZA}`).join("\n"),
    members: members.join("\n"),
  });
}

/**
 * pgBackRest's configuration of a member; no secret.
 *
 * @param repositoryHost host name of the repository's host, the common name of its certificate
 * @param disk bytes of the member's disk
 */
export function memberConfiguration(repositoryHost: string, disk: number): string {
  return render("pgbackrest/member.conf", {
    stanza: STANZA,
    repositoryHost,
    port: PORT,
    queueMax: `${Math.floor((disk * QUEUE_SHARE) / MB)}MiB`,
    server: serverOptions(),
  });
}

function serverOptions(): string {
  return render("pgbackrest/server.conf", { port: PORT }).trimEnd();
}
