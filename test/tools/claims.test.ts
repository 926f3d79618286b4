import { describe, expect, it } from "vitest";
import { type Claim, sizeIn, volumeFor, wantedFor } from "../../tools/cluster/claims.ts";
import { PROVISIONER, STORAGE_CLASS } from "../../tools/cluster/place.ts";

const PLACED = { "volume.kubernetes.io/selected-node": "dujyo" };

function claim(status: Claim["status"], changed: Partial<Claim["spec"]> = {}, annotations = PLACED): Claim {
  return {
    metadata: { name: "data-postgres-0", namespace: "dujyo-ci", uid: "1234", annotations },
    spec: {
      storageClassName: STORAGE_CLASS,
      resources: { requests: { storage: "2Gi" } },
      ...changed,
    },
    status,
  };
}

describe("a claim on the disposable cluster", () => {
  it("gets a disk once its pod has a node", () => {
    const pending = { phase: "Pending" };
    expect(wantedFor(claim(pending))).toBe("a disk");
    expect(wantedFor(claim(pending, {}, {} as typeof PLACED))).toBeUndefined();
    expect(wantedFor(claim(pending, { volumeName: "another" }))).toBeUndefined();
    expect(wantedFor(claim(pending, { storageClassName: "another" }))).toBeUndefined();
  });

  it("has it grow when it asks for more than it has", () => {
    const bound = (storage: string) => ({ phase: "Bound", capacity: { storage } });
    expect(wantedFor(claim(bound("1908Mi")))).toBe("more");
    expect(wantedFor(claim(bound("2Gi")))).toBeUndefined();
    expect(wantedFor(claim(bound("2048Mi")))).toBeUndefined();
    expect(wantedFor(claim({ phase: "Bound" }))).toBeUndefined();
  });

  it("is bound to its own disk, which goes with it", () => {
    expect(volumeFor(claim({ phase: "Pending" }))).toMatchObject({
      metadata: { name: "pvc-1234", annotations: { "pv.kubernetes.io/provisioned-by": PROVISIONER } },
      spec: {
        capacity: { storage: "2Gi" },
        claimRef: { name: "data-postgres-0", namespace: "dujyo-ci", uid: "1234" },
        persistentVolumeReclaimPolicy: "Delete",
      },
    });
  });

  it("asks for a size in bytes or powers of two of them", () => {
    expect(["1", "2Ki", "3Mi", "4Gi"].map(sizeIn)).toEqual([1, 2_048, 3 * 2 ** 20, 4 * 2 ** 30]);
    expect(() => sizeIn("2G")).toThrow("2G is no size");
  });
});
