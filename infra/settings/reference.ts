import { z } from "zod";
import { settingsSchema } from "./schema.ts";

interface Property {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Record<string, Property>;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  /** Of durations, which have no limits of their own in JSON Schema. */
  readonly least?: string;
  readonly most?: string;
}

function limits({ minimum, maximum, least, most, enum: choices }: Property): string {
  if (choices) return choices.join(", ");
  if (least !== undefined && most !== undefined) return `${least} to ${most}`;
  return minimum === undefined || maximum === undefined ? "" : `${minimum} to ${maximum}`;
}

/** What there is to know about a setting, whatever the stack. */
export interface SettingReference {
  /** Keys below `dujyo:`, a dot between two levels. */
  readonly path: string;
  /** Value where a stack file names none. */
  readonly fallback: unknown;
  /** Least and greatest value, or the choices; empty where there are none. */
  readonly limits: string;
  readonly meaning: string;
}

function entries(properties: Record<string, Property>, prefix: string): SettingReference[] {
  return Object.entries(properties).flatMap(([key, property]) => {
    const path = prefix + key;
    // `parameters` is a dictionary of the user's own, not a section.
    if (property.properties) return entries(property.properties, `${path}.`);
    return [
      { path, fallback: property.default, limits: limits(property), meaning: property.description ?? "" },
    ];
  });
}

/** Every setting, in the order of the schema. */
export function settingReferences(): SettingReference[] {
  const schema = z.toJSONSchema(settingsSchema, { unrepresentable: "any", io: "input" }) as Property;
  return entries(schema.properties ?? {}, "");
}

/** The table of `docs/settings.md`: every setting, its default, its meaning. Made of the schema, so it can not be wrong. */
export function settingsReference(): string {
  return [
    "# Settings",
    "",
    "Keys below `dujyo:` in `Pulumi.<stack>.yaml`; a dot is a level. Written by `npm run docs` from `infra/settings/schema.ts`.",
    "Unknown keys and values beyond their limits are refused, all at once, before anything is created.",
    "",
    "| setting | default | limits | meaning |",
    "| --- | --- | --- | --- |",
    ...settingReferences().map(
      ({ path, fallback, limits, meaning }) =>
        `| \`${path}\` | \`${JSON.stringify(fallback).replaceAll('"', "")}\` | ${limits} | ${meaning} |`,
    ),
    "",
  ].join("\n");
}
