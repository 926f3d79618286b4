import { type Listing, readListing, type Told } from "../backup/listing.ts";
import { runOnRepository } from "../backup/repository.ts";
import { defineCommand } from "../define-command.ts";
import { formatTable } from "../table.ts";

/** The answer comes from a file of the repository, within a second. */
const SECONDS = 60;
const MB = 2 ** 20;

export const command = defineCommand({
  usage: "backups",
  summary:
    "Lists the backups, from when on any moment can be restored, and when that was last proved. " +
    "Exit code 0 only if there is a backup, and neither the last backup nor the last trial failed.",
  changes: false,
  examples: [
    ["backups", "a table"],
    ["backups --json", "the same with positions and timelines"],
  ],
  run: async ({ stack }) => {
    const listing = readListing(await runOnRepository<Told>(stack, ["backup-list"], SECONDS));
    return {
      ok: listing.failures.length === 0 && listing.restorable_since !== undefined,
      text: format(listing),
      data: listing,
    };
  },
});

function format({ backups, archive, restorable_since, proved, failures }: Listing): string {
  const rows = backups.map((backup) => [
    backup.label,
    backup.usable ? backup.type : `${backup.type}, DAMAGED`,
    backup.ended,
    `${backup.seconds} s`,
    `${(backup.database_bytes / MB).toFixed(1)} MB`,
    `${(backup.repository_bytes / MB).toFixed(1)} MB`,
  ]);
  return [
    backups.length > 0
      ? formatTable(["backup", "type", "ended", "took", "database", "added"], rows)
      : "There is no backup yet.",
    "",
    ...(archive ? [`WAL is archived from ${archive.first} to ${archive.last}.`] : []),
    ...(restorable_since ? [`Any moment since ${restorable_since} can be restored.`] : []),
    proved ? `A backup was last restored on trial at ${proved}.` : "No backup was ever restored on trial.",
    ...failures.map((failure) => `FAILED: ${failure}`),
  ].join("\n");
}
