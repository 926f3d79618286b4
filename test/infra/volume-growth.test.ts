import { expect, it } from "vitest";
import { plain } from "../support/mocks.ts";
import { wholeProgram } from "../support/whole-program.ts";

/** The whole graph takes a second or two to record, and many times that on a busy machine. */
const RECORDING_MS = 60_000;
const TEMPLATES = "volumeClaimTemplates";

/** Every object by type and name, in JSON; of a set, what it would claim by itself stands apart. */
async function rendered(storage: string): Promise<Map<string, string>> {
  const { registered } = await wholeProgram("ci", { postgres: { storage } });
  const objects = new Map<string, string>();
  for (const { type, name, inputs } of registered) {
    const { spec, ...rest } = plain(inputs) as { readonly spec?: Record<string, unknown> };
    const { [TEMPLATES]: templates, ...others } = spec ?? {};
    const key = `${type} ${name}`;
    // Two roots may give one client a certificate each, under the same name.
    const all = [objects.get(key) ?? "", JSON.stringify({ ...rest, spec: others })];
    objects.set(key, all.sort().join(""));
    if (templates) objects.set(`${TEMPLATES} ${name}`, JSON.stringify(templates));
  }
  return objects;
}

it(
  "more storage changes the size of the claims, and neither what makes the pods nor any other part",
  async () => {
    const before = await rendered("2 GB");
    const after = await rendered("4 GB");
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    const changed = [...after.keys()].filter((key) => after.get(key) !== before.get(key));
    const claims = [0, 1, 2].map((n) => `kubernetes:core/v1:PersistentVolumeClaim data-postgres-${n}`);
    expect(changed.filter((key) => key.includes("PersistentVolumeClaim")).sort()).toEqual(claims);
    for (const claim of claims)
      expect(after.get(claim)?.replace('"storage":"4096Mi"', '"storage":"2048Mi"')).toBe(before.get(claim));
    // The limits of the log follow from the disk: jobs bring them to the store, and no member is restarted for them. What a
    // set would claim by itself is never compared with what there is.
    expect(changed.filter((key) => !claims.includes(key)).sort()).toEqual([
      "kubernetes:batch/v1:Job postgres-seed",
      "kubernetes:batch/v1:Job postgres-settle",
      "kubernetes:core/v1:Secret postgres-seed-files",
      "kubernetes:core/v1:Secret postgres-settle-files",
      `${TEMPLATES} postgres`,
    ]);
  },
  RECORDING_MS,
);
