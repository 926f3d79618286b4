import { z } from "zod";
import { settingsSchema } from "./schema.ts";

interface Property {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Record<string, Property>;
}

function rows(properties: Record<string, Property>, prefix: string): string[] {
  return Object.entries(properties).flatMap(([key, property]) => {
    const path = prefix + key;
    // `parameters` is a dictionary of the user's own, not a section.
    if (property.properties) return rows(property.properties, `${path}.`);
    const fallback = JSON.stringify(property.default).replaceAll('"', "");
    return [`| \`${path}\` | \`${fallback}\` | ${property.description ?? ""} |`];
  });
}

/** The table of `docs/settings.md`: every setting, its default, its meaning. Made of the schema, so it can not be wrong. */
export function settingsReference(): string {
  const schema = z.toJSONSchema(settingsSchema, { unrepresentable: "any", io: "input" }) as Property;
  return [
    "# Settings",
    "",
    "Keys below `dujyo:` in `Pulumi.<stack>.yaml`; a dot is a level. Written by `npm run docs` from `infra/settings/schema.ts`.",
    "Unknown keys and values beyond their limits are refused, all at once, before anything is created.",
    "",
    "| setting | default | meaning |",
    "| --- | --- | --- |",
    ...rows(schema.properties ?? {}, ""),
    "",
  ].join("\n");
}
