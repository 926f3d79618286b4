import { cpus, duration, flag, section, size, whole } from "./kinds.ts";
import { objectStore } from "./object-store.ts";

/** Archive of WAL and backups by pgBackRest. */
export const backup = section({
  enabled: flag(false).describe(
    "Whether WAL is archived and backups are taken. Once on it stays on: the repository would go with it. Turning it on restarts the members of PostgreSQL one at a time.",
  ),
  schedule: section({
    full: duration("1 h", "90 d", "7 d").describe("Time from one full backup to the next."),
    // The alert on a backup's age speaks after 26 hours.
    incremental: duration("10 min", "1 d", "6 h").describe(
      "Time from any backup to the next incremental one. After a change of leader there is one at once.",
    ),
    // The alert on unproved backups speaks after 8 days.
    drill: duration("1 h", "7 d", "1 d").describe(
      "Time from one trial restore that succeeded to the next; it needs room for a second copy of the data.",
    ),
  }),
  retention: section({
    full: whole(1, 100, 2).describe(
      "Full backups that are kept, each with its increments; WAL is kept from the oldest of them on, so that any moment since its end can be restored.",
    ),
  }),
  // With the time of the transport, a commit is in the repository within a minute.
  archiveTimeout: duration("1 s", "50 s", "30 s").describe(
    "A WAL segment that is not full is archived after this time, if anything was written.",
  ),
  storage: size("20 GB").describe(
    "Disk of the repository's host, where disks are measured out: backups and WAL within the retention unless they are in a bucket, and a second copy of the data for the trial restore.",
  ),
  s3: objectStore,
  memory: size("256 MB").describe("Memory limit of the repository's host."),
  cpus: cpus(1).describe("Processor limit of the repository's host."),
});
