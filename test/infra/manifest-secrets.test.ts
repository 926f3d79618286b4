import { describe, expect, it } from "vitest";
import { secretsIn } from "../../ops/audit/secrets.ts";
import { isSecret, plain, type Registered } from "../support/mocks.ts";
import { wholeProgram } from "../support/whole-program.ts";

/** Every secret that the mocks give back, by the resource that made it. */
function secretsOf(registered: readonly Registered[]): Map<string, string> {
  return new Map(
    registered.flatMap(({ type, name }): [string, string][] => {
      const kind = type.replace("pulumi-nodejs:dynamic/secrets:", "");
      if (kind === type || kind === "Identity") return [];
      return [[name, kind === "Password" ? `password-of-${name}` : `key-of-${name}`]];
    }),
  );
}

describe("Kubernetes objects", () => {
  it("hold generated secrets in Secrets alone, encrypted in the state", async () => {
    const { registered } = await wholeProgram("staging");
    const secrets = secretsOf(registered);
    expect(secrets.size).toBeGreaterThan(30);
    const objects = registered.filter(({ type }) => type.startsWith("kubernetes:"));
    const kept = objects.filter(({ type }) => type === "kubernetes:core/v1:Secret");
    const contents = kept.flatMap(({ inputs }) =>
      Object.values(plain(inputs.data) as Record<string, string>),
    );
    const decoded = contents.map((content) => Buffer.from(content, "base64").toString()).join("\n");
    expect(secretsIn(decoded, secrets)).toContain("postgres-app");
    // The data as a whole, or each entry of it.
    const legible = kept.filter(
      ({ inputs }) => !isSecret(inputs.data) && !Object.values(inputs.data as object).every(isSecret),
    );
    expect(legible.map(({ name }) => name)).toEqual([]);
    const open = objects
      .filter((object) => !kept.includes(object))
      .flatMap(({ type, name, inputs }) =>
        secretsIn(JSON.stringify(plain(inputs)), secrets).map(
          (secret) => `${secret} stands in ${type} ${name}`,
        ),
      );
    expect(open).toEqual([]);
  });
});
