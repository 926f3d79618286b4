import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { serviceEnvironment } from "../../infra/components/api-service.ts";
import { type Settings, settingsSchema } from "../../infra/settings/schema.ts";
import { readConfig } from "../../service/src/config.ts";

/** The stack hands its settings to the API as text; what the one takes the other has to take. */

interface Limited {
  readonly properties?: Record<string, Limited>;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly least?: string;
  readonly most?: string;
}

const schema = z.toJSONSchema(settingsSchema, { unrepresentable: "any", io: "input" }) as Limited;

/** Everything of a section that has limits, at the lower or the upper one of them. */
function atLimit(section: string, end: "lower" | "upper"): Record<string, unknown> {
  const entries = Object.entries(schema.properties?.[section]?.properties ?? {});
  return Object.fromEntries(
    entries.flatMap(([key, limits]) => {
      const value = end === "lower" ? (limits.least ?? limits.minimum) : (limits.most ?? limits.maximum);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

const folder = mkdtempSync(join(tmpdir(), "service-limits-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The API's environment with these settings; its files are somewhere on this machine. */
function environmentOf(settings: Settings): Record<string, string> {
  // Read as text by most, as a key set by one of them.
  writeFileSync(join(folder, "file"), '{"keys": [{"kty": "EC", "crv": "P-256"}]}');
  const parts = {
    settings,
    pooling: { host: "pgbouncer" },
    routing: { host: "haproxy" },
    redis: { connection: { nodes: [{ host: "redis-0", port: 6379 }] } },
  } as unknown as Parameters<typeof serviceEnvironment>[0];
  const entries = Object.entries(serviceEnvironment(parts));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name.endsWith("_FILE") ? join(folder, "file") : value]),
  );
}

describe("the API takes", () => {
  it.each(["lower", "upper"] as const)("every setting of its own at its %s limit", (end) => {
    const given = {
      api: atLimit("api", end),
      cache: atLimit("cache", end),
      ledger: { sealInterval: atLimit("ledger", end).sealInterval },
    };
    expect(Object.keys(given.cache)).toHaveLength(8);
    expect(Object.keys(given.api).length).toBeGreaterThanOrEqual(11);
    const config = readConfig(environmentOf(settingsSchema.parse(given)));
    expect(config.cache.maxStalenessMs).toBe(end === "lower" ? 1_000 : 60_000);
  });

  it("nothing beyond the limits that it shares with the stack", () => {
    const environment = environmentOf(settingsSchema.parse({}));
    expect(() => readConfig({ ...environment, CACHE_MAX_STALENESS_MS: "999" })).toThrow(
      /CACHE_MAX_STALENESS_MS/,
    );
    expect(() => readConfig({ ...environment, CACHE_TTL_BALANCE_MS: "3600001" })).toThrow(
      /CACHE_TTL_BALANCE_MS/,
    );
  });
});
