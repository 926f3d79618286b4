import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { explainSettings } from "../../infra/settings/explain.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { settingReferences } from "../../infra/settings/reference.ts";
import { readStackFile } from "../../infra/settings/stack-file.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("npm run config -- explain", () => {
  it.each(["dev", "light", "staging", "prod", "ci"])("tells every setting of %s", (stack) => {
    const { settings, given } = readStackFile(stack, ROOT);
    const explained = explainSettings(settings, given);
    expect(explained.map(({ path }) => path)).toEqual(settingReferences().map(({ path }) => path));
    for (const { path, value, meaning } of explained) {
      expect(value, path).toBeDefined();
      expect(meaning, path).not.toBe("");
    }
  });

  it("tells where a value comes from, and whether it differs from the default", () => {
    const given = { postgres: { replicas: 3, cpus: 1 }, target: "docker" };
    const found = Object.fromEntries(
      explainSettings(parseSettings("some", given), given).map((setting) => [setting.path, setting]),
    );
    expect(found["postgres.replicas"]).toMatchObject({ value: 3, origin: "stack", differs: true });
    expect(found["redis.shards"]).toMatchObject({ value: 3, origin: "default", differs: false });
    expect(found.target).toMatchObject({ value: "docker", origin: "stack" });
  });

  it("names receivers' secrets and never shows them", () => {
    const given = {
      monitoring: { receivers: [{ name: "chat", type: "slack" }] },
      receiverSecrets: { chat: { secure: "v1:hidden" } },
    };
    const text = JSON.stringify(explainSettings(parseSettings("some", given), given));
    expect(text).toContain("chat: (secret)");
    expect(text).not.toContain("hidden");
  });
});
