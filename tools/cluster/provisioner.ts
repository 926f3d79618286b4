import { ApiClient } from "./api-client.ts";
import { type Claim, sizeIn, type Volume, volumeFor, wantedFor } from "./claims.ts";
import { growDisk, makeDisk, mountDisk, removeDisk } from "./disk.ts";
import { PROVISIONER } from "./place.ts";

/**
 * A program beside the cluster: it makes a disk for each claim of the cluster's storage class, has it grow when more is asked
 * for, and removes it when nobody claims it any more. `up.ts` starts it.
 */

const VOLUMES = "/api/v1/persistentvolumes";
const CLAIMS = "/api/v1/persistentvolumeclaims";

const api = new ApiClient();
let turn: Promise<void> = Promise.resolve();

/** One thing after the other; what fails is told, and tried again when its object changes. */
function inTurn(work: () => Promise<void>): void {
  turn = turn.then(work).catch((error: Error) => console.error(error.message));
}

async function serve(claim: Claim): Promise<void> {
  const wanted = wantedFor(claim);
  if (wanted === undefined) return;
  const { namespace, name } = claim.metadata;
  const { storage } = claim.spec.resources.requests;
  const volume = volumeFor(claim);
  console.log(`${namespace}/${name}: ${wanted}, ${storage}`);
  if (wanted === "a disk") {
    await makeDisk(volume.metadata.name, sizeIn(storage));
    return api.create(VOLUMES, volume);
  }
  await growDisk(volume.metadata.name, sizeIn(storage));
  await api.patch(`${VOLUMES}/${volume.metadata.name}`, { spec: { capacity: { storage } } });
  await api.patch(`/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}/status`, {
    status: { capacity: { storage } },
  });
}

async function look({ metadata, status }: Volume): Promise<void> {
  if (metadata.annotations?.["pv.kubernetes.io/provisioned-by"] !== PROVISIONER) return;
  if (status?.phase !== "Released") return mountDisk(metadata.name);
  console.log(`${metadata.name}: released`);
  await removeDisk(metadata.name);
  await api.delete(`${VOLUMES}/${metadata.name}`);
}

process.on("SIGTERM", () => process.exit());
await Promise.all([
  api.watch<Claim>(CLAIMS, (claim) => inTurn(() => serve(claim))),
  api.watch<Volume>(VOLUMES, (volume) => inTurn(() => look(volume))),
]);
