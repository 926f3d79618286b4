import { isDeepStrictEqual } from "node:util";
import { type SettingReference, settingReferences } from "./reference.ts";
import type { Settings } from "./schema.ts";

/** A setting as one stack has it. */
export interface ExplainedSetting {
  /** Keys below `dujyo:`, a dot between two levels. */
  readonly path: string;
  readonly value: unknown;
  /** `stack`: its stack file says so; `default`: nothing does. */
  readonly origin: "stack" | "default";
  /** Whether the value differs from the default; a stack file may name the default itself. */
  readonly differs: boolean;
  readonly meaning: string;
}

function at(values: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], values);
}

/** Keys whose values are secrets: shown as being there, never as what they are. */
const SECRET = new Set(["backupSecrets", "postgresIdentity", "receiverSecrets"]);

/** Paths of the settings in which two stacks differ, in the order of the schema. */
export function settingsThatDiffer(one: Settings, other: Settings): string[] {
  return settingReferences()
    .map(({ path }) => path)
    .filter((path) => !isDeepStrictEqual(at(one, path), at(other, path)));
}

/**
 * Every setting of a stack with its value, where that comes from, and what it means.
 *
 * @param settings what the stack file was parsed to
 * @param given what stands in the stack file below `dujyo:`
 */
export function explainSettings(
  settings: Settings,
  given: Readonly<Record<string, unknown>>,
): ExplainedSetting[] {
  return settingReferences().map(({ path, fallback, meaning }: SettingReference) => {
    const value = at(settings, path);
    return {
      path,
      value: SECRET.has(path) ? Object.keys(value as object).map((name) => `${name}: (secret)`) : value,
      origin: at(given, path) === undefined ? "default" : "stack",
      differs: !isDeepStrictEqual(value, fallback),
      meaning,
    };
  });
}
