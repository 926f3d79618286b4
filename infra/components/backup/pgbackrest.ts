import * as pulumi from "@pulumi/pulumi";
import { readConfig, render, renderOutput } from "../../lib/render.ts";
import { seconds } from "../../lib/units.ts";
import { PORTS } from "../../ports.ts";
import { storeAddress } from "../../settings/object-store.ts";
import type { Settings } from "../../settings/schema.ts";
import { FILES_PATH, type FileSpec } from "../../target.ts";
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
  /** The bucket that the repository is in. @default the host's own volume */
  readonly bucket?: Bucket;
}

/** A bucket, and what opens it. */
export interface Bucket extends Omit<Settings["backup"]["s3"], "network"> {
  readonly key: pulumi.Input<string>;
  readonly keySecret: pulumi.Input<string>;
}

const STORE_CA = "tls/store-ca.crt";

/** pgBackRest's configuration of the host that keeps the repository; a secret. */
export function repositoryConfiguration(options: RepositoryOptions): pulumi.Output<string> {
  return renderOutput("pgbackrest/repository.conf", {
    place: options.bucket ? bucketOptions(options.bucket) : readConfig("pgbackrest/volume.conf").trimEnd(),
    passphrase: options.passphrase,
    retentionFull: String(options.retentionFull),
    server: serverOptions(),
    clients: options.members.map((host) => `tls-server-auth=${host}=${STANZA}`).join("\n"),
  });
}

function bucketOptions({ rootCertificate, ...bucket }: Bucket): pulumi.Output<string> {
  const { host, port } = storeAddress(bucket);
  return renderOutput("pgbackrest/object-store.conf", {
    address: `${host}:${port}`,
    bucket: bucket.bucket,
    path: bucket.path === "" ? `/dujyo-${pulumi.getStack()}` : bucket.path,
    region: bucket.region,
    uriStyle: bucket.uriStyle,
    key: bucket.key,
    keySecret: bucket.keySecret,
    authority: rootCertificate === "" ? "" : `repo1-storage-ca-file=${FILES_PATH}/${STORE_CA}`,
  }).apply((text) => text.trimEnd());
}

/** What that host verifies the store of its bucket by, beside what Debian trusts. */
export function storeFiles({ rootCertificate }: Settings["backup"]["s3"]): FileSpec[] {
  return rootCertificate === "" ? [] : [{ path: STORE_CA, content: rootCertificate }];
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
