import * as pulumi from "@pulumi/pulumi";
import { readConfig } from "../lib/render.ts";
import { bytes, seconds } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { Password } from "../secrets/password.ts";
import type { Settings } from "../settings/schema.ts";
import type { Target } from "../target.ts";
import { REPOSITORY_HOST } from "./backup/names.ts";
import { type Bucket, hostsConfiguration, repositoryConfiguration, storeFiles } from "./backup/pgbackrest.ts";
import { DATABASE, type PostgresCluster } from "./postgres-cluster.ts";

export interface PostgresBackupArgs {
  readonly target: Target;
  readonly settings: Settings["backup"];
  /** What the bucket of `settings.s3` is opened with. */
  readonly secrets: Settings["backupSecrets"];
  readonly postgres: PostgresCluster;
  /** What has to be there before the first backup, so that it holds a whole database. */
  readonly after: readonly pulumi.Resource[];
}

/**
 * One host that keeps an encrypted repository of backups and WAL, on a volume of its own or in a bucket that it alone has the
 * key of, takes the backups by a schedule, and proves them by restoring the newest one. It is ready when WAL of the leader has
 * reached the repository.
 */
export class PostgresBackup extends pulumi.ComponentResource {
  /** Name of the repository's host inside the stack's network. */
  readonly host = REPOSITORY_HOST;

  constructor(name: string, args: PostgresBackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:PostgresBackup", name, {}, opts);
    const { target, settings, secrets, postgres } = args;
    const passphrase = new Password(`${name}-passphrase`, { parent: this }).value;
    target.members(
      name,
      {
        image: "postgres",
        count: 1,
        storage: bytes(settings.storage),
        limits: { memory: bytes(settings.memory), cpus: settings.cpus },
        ports: [
          { name: "pgbackrest", port: PORTS.pgbackrest },
          { name: "figures", port: PORTS.backupFigures },
        ],
        environment: {
          MEMBER_KIND: "repository",
          PGBACKREST_CONFIG_INCLUDE_PATH: "/etc/dujyo/pgbackrest.d",
        },
        files: [
          ...postgres.serverFiles(REPOSITORY_HOST, target.memberHosts(name, 0)),
          {
            path: "pgbackrest.conf",
            content: repositoryConfiguration({
              members: postgres.members,
              passphrase,
              retentionFull: settings.retention.full,
              bucket: bucketOf(settings, secrets),
            }),
          },
          ...storeFiles(settings.s3),
          { path: "pgbackrest.d/hosts.conf", content: hostsConfiguration(postgres.members) },
          { path: "repository.json", content: plan(settings, postgres.members) },
          { path: "trial.conf", content: readConfig("postgres/trial.conf") },
          { path: "trial-hba.conf", content: readConfig("postgres/trial-hba.conf") },
          {
            path: "secrets/dujyo-readonly-password",
            content: postgres.passwords.readonly,
            delivery: "follow",
          },
        ],
        // A backup that runs is given up, and the next one takes over what it has copied.
        stopGrace: 20,
        startTimeout: 300,
        member: () => ({}),
      },
      { parent: this, after: [postgres.settled, ...args.after] },
    );
    this.registerOutputs({});
  }
}

/** The bucket with its keys, which the engine has decrypted; undefined where the repository is on the host's volume. */
function bucketOf({ s3 }: Settings["backup"], secrets: Settings["backupSecrets"]): Bucket | undefined {
  if (s3.endpoint === "") return undefined;
  const { key, keySecret } = secrets as Record<string, string>;
  return { ...s3, key: pulumi.secret(key as string), keySecret: pulumi.secret(keySecret as string) };
}

/** What the repository's host reads beside pgBackRest's own configuration; times in seconds. */
function plan({ schedule }: Settings["backup"], members: readonly string[]): string {
  const content = {
    members,
    database: DATABASE,
    figuresPort: PORTS.backupFigures,
    schedule: {
      full: seconds(schedule.full),
      incremental: seconds(schedule.incremental),
      drill: seconds(schedule.drill),
    },
  };
  return JSON.stringify(content, undefined, 2);
}
