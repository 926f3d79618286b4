import { budgetIssues, type Issue } from "./budgets.ts";
import { receiverIssues } from "./receiver-secrets.ts";
import { type Settings, settingsSchema } from "./schema.ts";

/** A stack's settings are wrong. The message lists everything that is, one line each. */
export class SettingsError extends Error {
  readonly issues: readonly Issue[];

  constructor(stack: string, issues: readonly Issue[]) {
    const lines = issues.map((issue) => `  dujyo:${issue.path} ${issue.reason}`);
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

const PROJECT = "dujyo";

/** The settings among all configuration of a stack, without the project's name in front. */
export function ownKeys(all: Record<string, unknown>): Record<string, unknown> {
  const own = Object.entries(all).filter(([key]) => key.startsWith(`${PROJECT}:`));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(PROJECT.length + 1), value]));
}

/**
 * Turns untrusted configuration into {@link Settings}.
 *
 * @param stack name of the stack, for messages
 * @param given the keys below `dujyo:`, values already read from JSON or YAML
 * @param plaintext names of `receiverSecrets` that the stack file holds unencrypted, which none may be
 * @throws SettingsError with every unknown key, bad value and broken budget at once
 */
export function parseSettings(
  stack: string,
  given: Record<string, unknown>,
  plaintext: readonly string[] = [],
): Settings {
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) {
    const issues = parsed.error.issues.flatMap((issue): Issue[] => {
      const path = issue.path.map(String).join(".");
      if (issue.code !== "unrecognized_keys")
        return [{ path, reason: issue.message.replace(/^Invalid/, "is invalid:") }];
      const allowed = allowedKeys(issue.path).join(", ");
      return issue.keys.map((key) => ({
        path: path ? `${path}.${key}` : key,
        reason: `is no setting; known here: ${allowed}. Remove it or correct its name`,
      }));
    });
    throw new SettingsError(stack, [...issues, ...receiverIssues(given, plaintext)]);
  }
  const broken = [...budgetIssues(parsed.data), ...receiverIssues(given, plaintext)];
  if (broken.length > 0) throw new SettingsError(stack, broken);
  return parsed.data;
}
