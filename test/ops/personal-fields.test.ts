import { createSecretKey, hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { blindIndex, keyRing, seal, unseal } from "../../tools/data/personal-fields.ts";

const hex = (name: string) => hash("sha256", name);
const key = (name: string) => createSecretKey(Buffer.from(hex(name), "hex"));

describe("personal fields", () => {
  const sealed = seal("ann@example.org", key("a"));

  it("come back under their key alone, and never twice as the same bytes", () => {
    expect(unseal(sealed, key("a"))).toBe("ann@example.org");
    expect(unseal(sealed, key("b"))).toBeUndefined();
    expect(seal("ann@example.org", key("a"))).not.toEqual(sealed);
    expect(sealed.toString("latin1")).not.toContain("example");
  });

  it("that were changed or cut off do not come back", () => {
    const changed = Buffer.from(sealed);
    changed[14] = (changed[14] as number) ^ 1;
    for (const damaged of [changed, sealed.subarray(0, -1), sealed.subarray(0, 20), Buffer.alloc(0)])
      expect(unseal(damaged, key("a"))).toBeUndefined();
  });
});

describe("the keys of a stack", () => {
  const ring = keyRing({ index: hex("i"), encryption: { 9: hex("former"), 10: hex("new") } });

  it("are known by their numbers, and the highest encrypts", () => {
    expect(ring.newest).toBe(10);
    expect(unseal(seal("x", key("former")), ring.encryption.get(9) ?? key("none"))).toBe("x");
    expect([...ring.encryption.keys()].sort()).toEqual([10, 9]);
  });

  it("are missing until an up of this version has made them", () => {
    expect(() => keyRing(undefined)).toThrow(/Run "npm run up" first/);
  });

  it("find an address by one index, whichever of them encrypts", () => {
    expect(blindIndex("Ann@Example.org", ring.index)).toEqual(blindIndex("ann@example.org", key("i")));
  });
});
