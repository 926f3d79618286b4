import type { Settings } from "../../infra/settings/schema.ts";
import { Failure } from "../failure.ts";
import { resourcesOf, type Snapshot } from "./snapshot.ts";

/** The component that registers how many members the consensus store was made with. */
const ETCD = "dujyo:index:EtcdCluster";
/** The component that keeps the repository of backups. */
const BACKUP = "dujyo:index:PostgresBackup";

/**
 * Refuses a change of what can not be changed in a stack that exists: an etcd member that is taken away by its volume
 * takes its vote along, and with two of three gone the rest stops for good; backups that are turned off take the repository
 * along, and the passphrase that opens it.
 *
 * @throws Failure with both values and the ways out
 */
export function refuseFixedChanges(settings: Settings, snapshot: Snapshot | undefined): void {
  refuseLossOfBackups(settings, snapshot);
  const members = resourcesOf(snapshot).find(({ type }) => type === ETCD)?.outputs?.members;
  if (typeof members !== "number" || members === settings.etcd.members) return;
  throw new Failure(
    `dujyo:etcd.members is ${settings.etcd.members}, and the stack was made with ${members}: that is fixed once it exists. ` +
      `Nothing was changed. Set it back to ${members}; or give the stack up with its data ` +
      '("npm run down -- --volumes") and make it anew.',
  );
}

function refuseLossOfBackups({ backup }: Settings, snapshot: Snapshot | undefined): void {
  if (backup.enabled || !resourcesOf(snapshot).some(({ type }) => type === BACKUP)) return;
  throw new Failure(
    "dujyo:backup.enabled is false, and the stack takes backups: with them the repository would go, and every backup in it. " +
      "Nothing was changed. Set it back to true; or give the stack up with its data " +
      '("npm run down -- --volumes") and make it anew.',
  );
}
