import type { z } from "zod";
import { objectStoreIssues } from "./backup-secrets.ts";
import { budgetIssues, type Issue } from "./budgets.ts";
import { siteIssues } from "./identity.ts";
import { receiverIssues } from "./receiver-secrets.ts";
import { type Settings, settingsSchema } from "./schema.ts";

const PROJECT = "dujyo";

/** A stack's settings are wrong. The message lists everything that is, one line each. */
export class SettingsError extends Error {
  readonly issues: readonly Issue[];

  constructor(stack: string, issues: readonly Issue[]) {
    const lines = issues.map(
      ({ path, reason, foreign }) => `  ${foreign ? "" : `${PROJECT}:`}${path} ${reason}`,
    );
    super(`the settings of stack "${stack}" can not be used, nothing was created:\n${lines.join("\n")}`);
    this.name = "SettingsError";
    this.issues = issues;
  }
}

/** Keys that `given` offers at `path`, for the hint beside an unknown one. */
function allowedKeys(path: readonly PropertyKey[]): string[] {
  let shape: unknown = settingsSchema;
  for (const key of path) shape = unwrap(shape)?.shape?.[key as string];
  return Object.keys(unwrap(shape)?.shape ?? {});
}

interface Shaped {
  readonly shape?: Record<string, unknown>;
  readonly def?: { readonly innerType?: unknown };
}

function unwrap(schema: unknown): Shaped | undefined {
  const shaped = schema as Shaped | undefined;
  return shaped?.shape === undefined && shaped?.def?.innerType !== undefined
    ? unwrap(shaped.def.innerType)
    : shaped;
}

/** Prefixes that mean something to the engine, or to the provider that a stack on `target` works with. */
function effectivePrefixes(target: unknown): string[] {
  // The program makes Kubernetes's provider itself, from its own settings: one made so reads no configuration.
  return target === "kubernetes" ? ["pulumi"] : ["pulumi", "docker"];
}

function foreignIssues(all: Record<string, unknown>): Issue[] {
  const prefixes = effectivePrefixes(all[`${PROJECT}:target`]);
  return Object.keys(all)
    .filter((key) => ![PROJECT, ...prefixes].some((prefix) => key.startsWith(`${prefix}:`)))
    .map((key) => ({
      path: key,
      foreign: true,
      reason:
        `is read by nobody; settings begin with "${PROJECT}:", ` +
        `those of the engine and its provider with ${prefixes.map((prefix) => `"${prefix}:"`).join(" or ")}. Remove it or correct its prefix`,
    }));
}

/**
 * Turns a stack's whole configuration into {@link Settings}.
 *
 * @param stack name of the stack, for messages
 * @param all every key with its prefix, such as `dujyo:postgres`; values already read from JSON or YAML
 * @param others what else is wrong with the stack
 * @throws SettingsError with every unknown key, bad value and broken budget at once
 */
export function parseConfiguration(
  stack: string,
  all: Record<string, unknown>,
  others: readonly Issue[] = [],
): Settings {
  return parseSettings(stack, ownKeys(all), [...others, ...foreignIssues(all)]);
}

/** The settings among all configuration of a stack, without the project's name in front. */
export function ownKeys(all: Record<string, unknown>): Record<string, unknown> {
  const own = Object.entries(all).filter(([key]) => key.startsWith(`${PROJECT}:`));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(PROJECT.length + 1), value]));
}

/**
 * Turns untrusted settings into {@link Settings}.
 *
 * @param stack name of the stack, for messages
 * @param given the keys below `dujyo:`, values already read from JSON or YAML
 * @param others what else is wrong with the stack
 * @throws SettingsError with every unknown key, bad value and broken budget at once
 */
export function parseSettings(
  stack: string,
  given: Record<string, unknown>,
  others: readonly Issue[] = [],
): Settings {
  const parsed = settingsSchema.safeParse(given);
  const issues = [
    ...(parsed.success
      ? [...budgetIssues(parsed.data), ...siteIssues(parsed.data), ...objectStoreIssues(parsed.data)]
      : parsed.error.issues.flatMap(schemaIssues)),
    ...receiverIssues(given),
  ];
  if (!parsed.success || issues.length + others.length > 0)
    throw new SettingsError(stack, [...others, ...issues]);
  return parsed.data;
}

function schemaIssues(issue: z.core.$ZodIssue): Issue[] {
  const path = issue.path.map(String).join(".");
  if (issue.code !== "unrecognized_keys")
    return [{ path, reason: issue.message.replace(/^Invalid/, "is invalid:") }];
  const allowed = allowedKeys(issue.path).join(", ");
  return issue.keys.map((key) => ({
    path: path ? `${path}.${key}` : key,
    reason: `is no setting; known here: ${allowed}. Remove it or correct its name`,
  }));
}
