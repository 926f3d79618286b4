import { DEFAULT_CLASS, type StorageClass } from "./kubernetes-requirements.ts";
import { nameOf, type Plan, typeOf } from "./plan.ts";

export const CLAIM = "kubernetes:core/v1:PersistentVolumeClaim";

/** The parts of a claim that say how large it is and by whom it is made. */
interface ClaimInputs {
  readonly spec?: {
    readonly storageClassName?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
}

interface Resize {
  readonly volume: string;
  /** As the program writes it: whole Mi. */
  readonly from: string;
  readonly to: string;
  /** Empty: the cluster's default. */
  readonly storageClass: string;
}

/** Volumes that there are and that would have another size, whatever way the provider takes to it. */
function resizes(plan: Plan): Resize[] {
  const found = new Map<string, Resize>();
  for (const { urn, oldState, newState } of plan.steps ?? []) {
    if (typeOf(urn) !== CLAIM) continue;
    const { spec } = (oldState?.inputs ?? {}) as ClaimInputs;
    const from = spec?.resources?.requests?.storage;
    const to = (newState?.inputs as ClaimInputs | undefined)?.spec?.resources?.requests?.storage;
    if (from === undefined || to === undefined || from === to) continue;
    found.set(urn, { volume: nameOf(urn), from, to, storageClass: spec?.storageClassName ?? "" });
  }
  return [...found.values()];
}

/**
 * Sentences on volumes that can not get the size that the settings ask for: none shrinks, and a class has to let them grow.
 *
 * @param classes those of the cluster; undefined where this user may not look at them
 */
export function growthObjections(plan: Plan, classes?: readonly StorageClass[]): string[] {
  const changed = resizes(plan);
  const shrinking = changed
    .filter(({ from, to }) => Number.parseInt(to, 10) < Number.parseInt(from, 10))
    .map(
      ({ volume, from, to }) =>
        `would shrink ${volume} from ${from} to ${to}, which no volume can. Set back what its size follows from ` +
        "(postgres.storage, redis.memory, monitoring.storage)",
    );
  const growing = changed.filter(({ from, to }) => Number.parseInt(to, 10) > Number.parseInt(from, 10));
  const fixed = growing.flatMap(({ volume, from, to, storageClass }) => {
    const found = classes?.find(({ metadata }) =>
      storageClass === "" ? metadata.annotations?.[DEFAULT_CLASS] === "true" : metadata.name === storageClass,
    );
    return found === undefined || found.allowVolumeExpansion === true
      ? []
      : [
          `would grow ${volume} from ${from} to ${to}, which its storage class "${found.metadata.name}" does not let it. ` +
            "Set allowVolumeExpansion of the class where its provisioner can do it, or set the size back",
        ];
  });
  return [...shrinking, ...fixed];
}
