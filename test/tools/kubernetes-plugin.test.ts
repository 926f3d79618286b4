import { describe, expect, it } from "vitest";
import { changeable } from "../../tools/setup/kubernetes-plugin.ts";

/** Where a provider says which fields of an object can not change. */
const list = (claim: string, secret: string) =>
  [
    "var core = _versions{",
    '\t"v1": _kinds{',
    '\t\t"PersistentVolumeClaim": append(',
    "\t\t\tproperties{",
    ...claim.split(" ").map((field) => `\t\t\t\t"${field}",`),
    "\t\t\t}),",
    '\t\t"Pod": append(properties{".spec",}),',
    '\t\t"Secret": properties{',
    ...secret.split(" ").map((field) => `\t\t\t"${field}",`),
    "\t\t},",
    '\t\t"Service": properties{',
    '\t\t\t".data",',
    "\t\t},",
  ].join("\n");

describe("the Kubernetes provider that is built from modules", () => {
  it("does not replace a claim that grows, or a Secret that changes, and replaces all else as before", () => {
    const source = list(
      ".spec .spec.accessModes .spec.resources .spec.resources.limits .spec.resources.requests .spec.volumeName",
      ".type .stringData .data",
    );
    expect(changeable(source)).toBe(list(".spec.accessModes .spec.volumeName", ".type"));
  });

  it("is not built from sources that say otherwise", () => {
    expect(() => changeable(list(".spec", ".type .stringData .data"))).toThrow(
      /does not list .spec, .spec.resources.* of PersistentVolumeClaim as it did/,
    );
    expect(() => changeable("")).toThrow(/as it did/);
  });
});
