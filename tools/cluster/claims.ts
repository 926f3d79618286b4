import { diskFolder } from "./disk.ts";
import { PROVISIONER, STORAGE_CLASS } from "./place.ts";

/** A PersistentVolumeClaim, as far as it is looked at. */
export interface Claim {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly resources: { readonly requests: { readonly storage: string } };
  };
  readonly status: { readonly phase: string; readonly capacity?: { readonly storage: string } };
}

/** A PersistentVolume, as far as it is looked at. */
export interface Volume {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly status?: { readonly phase: string };
}

const UNITS: Readonly<Record<string, number>> = { "": 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** Bytes of a quantity in powers of two, such as `1908Mi`. @throws Error for another one */
export function sizeIn(quantity: string): number {
  const [, digits = "", unit = ""] = /^(\d+)([KMGT]i)?$/.exec(quantity) ?? [];
  if (digits === "") throw new Error(`${quantity} is no size in bytes, Ki, Mi, Gi or Ti`);
  return Number(digits) * (UNITS[unit] as number);
}

/** What a claim waits for; undefined where it has all, or is not for this provisioner. */
export function wantedFor({ metadata, spec, status }: Claim): "a disk" | "more" | undefined {
  if (spec.storageClassName !== STORAGE_CLASS) return undefined;
  const placed = metadata.annotations?.["volume.kubernetes.io/selected-node"] !== undefined;
  if (status.phase === "Pending") return placed && spec.volumeName === undefined ? "a disk" : undefined;
  const has = status.capacity?.storage;
  return has !== undefined && sizeIn(spec.resources.requests.storage) > sizeIn(has) ? "more" : undefined;
}

/** The volume of a claim: its disk's folder on the node. */
export function volumeFor({ metadata, spec }: Claim): Volume & { readonly spec: object } {
  const { name, namespace, uid } = metadata;
  const volume = `pvc-${uid}`;
  return {
    ...{ apiVersion: "v1", kind: "PersistentVolume" },
    metadata: { name: volume, annotations: { "pv.kubernetes.io/provisioned-by": PROVISIONER } },
    spec: {
      capacity: { storage: spec.resources.requests.storage },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: STORAGE_CLASS,
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", name, namespace, uid },
      hostPath: { path: diskFolder(volume) },
    },
  };
}
