import { STANZA } from "../../infra/components/backup/names.ts";

/** A backup as `pgbackrest info --output=json` tells of it, as far as it is shown. */
interface ToldBackup {
  readonly label: string;
  readonly type: string;
  /** Whether pages of it had a wrong checksum. */
  readonly error: boolean;
  /** Seconds since 1970. */
  readonly timestamp: { readonly start: number; readonly stop: number };
  readonly archive: { readonly stop: string };
  readonly lsn: { readonly stop: string };
  readonly info: {
    /** Bytes of the database. */
    readonly size: number;
    /** `delta`: bytes that this backup added to the repository. */
    readonly repository: { readonly delta: number };
  };
}

/** How a program of the repository's host ended last; empty before its first run. Times in seconds since 1970. */
interface Run {
  readonly ok?: boolean;
  readonly at?: number;
  readonly last_success?: number;
  readonly error?: string;
}

/** What `backup-list` prints on the repository's host. */
export interface Told {
  readonly info: readonly {
    readonly name: string;
    readonly backup: readonly ToldBackup[];
    readonly archive: readonly { readonly min: string | null; readonly max: string | null }[];
  }[];
  readonly backup: Run;
  readonly drill: Run;
}

/** What a repository holds; times are RFC 3339. */
export interface Listing {
  /** The oldest first. */
  readonly backups: readonly {
    readonly label: string;
    readonly type: string;
    /** False where pages of it are damaged. */
    readonly usable: boolean;
    /** Any moment after it can be restored from this backup. */
    readonly ended: string;
    readonly seconds: number;
    readonly stop_lsn: string;
    readonly timeline: number;
    readonly database_bytes: number;
    readonly repository_bytes: number;
  }[];
  /** First and last segment of WAL that is archived; absent before the first. */
  readonly archive?: { readonly first: string; readonly last: string };
  /** The earliest moment that can be restored; absent before the first backup. */
  readonly restorable_since?: string;
  /** When a backup was last restored on trial with success; absent where none ever was. */
  readonly proved?: string;
  /** Why the last backup, or the last trial, failed; absent where they did not. */
  readonly failures: readonly string[];
}

const moment = (seconds: number) => new Date(seconds * 1_000).toISOString();

/** What the repository's host says of the stack's cluster. */
export function readListing({ info, backup, drill }: Told): Listing {
  const told = info.find(({ name }) => name === STANZA);
  const backups = (told?.backup ?? []).map((one) => ({
    label: one.label,
    type: one.type,
    usable: !one.error,
    ended: moment(one.timestamp.stop),
    seconds: one.timestamp.stop - one.timestamp.start,
    stop_lsn: one.lsn.stop,
    timeline: Number.parseInt(one.archive.stop.slice(0, 8), 16),
    database_bytes: one.info.size,
    repository_bytes: one.info.repository.delta,
  }));
  const segments = told?.archive.at(-1);
  const since = backups.find(({ usable }) => usable)?.ended;
  const failed = (what: string, run: Run) =>
    run.ok === false ? [`the last ${what} failed at ${moment(run.at ?? 0)}: ${run.error}`] : [];
  return {
    backups,
    ...(segments?.min && segments.max ? { archive: { first: segments.min, last: segments.max } } : {}),
    ...(since ? { restorable_since: since } : {}),
    ...(drill.last_success ? { proved: moment(drill.last_success) } : {}),
    failures: [...failed("backup", backup), ...failed("trial restore", drill)],
  };
}
