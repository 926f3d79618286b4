import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { plaintextKeyIssues } from "./backup-secrets.ts";
import { plaintextIdentityIssues } from "./identity.ts";
import { ownKeys, parseConfiguration } from "./parse.ts";
import { plaintextIssues } from "./receiver-secrets.ts";
import type { Settings } from "./schema.ts";

/** What a stack file says, as it stands there. */
export interface StackFile {
  /** The keys below `dujyo:`, without the project's name in front. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly settings: Settings;
}

/** Keys whose values `pulumi config set --secret` encrypts with the stack's own key. */
const HOLDS_SECRETS: readonly string[] = [
  "backupSecrets",
  "postgresIdentity",
  "receiverSecrets",
] satisfies (keyof Settings)[];

/** What the engine reads in a stack file. */
const ENGINE_KEYS = ["config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"];

/**
 * A stack file, for the commands that run before or beside Pulumi.
 *
 * @param stack for example `dev`: `Pulumi.dev.yaml` is read
 * @throws SettingsError as {@link parseConfiguration} does; the file system's error where there is no such file
 */
export function readStackFile(stack: string, directory: string): StackFile {
  return parseStackFile(stack, readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8"));
}

/**
 * A stack file's text. Its secrets have to be encrypted.
 *
 * @throws SettingsError as {@link parseConfiguration} does
 */
export function parseStackFile(stack: string, text: string): StackFile {
  const { config = {}, ...others } = documentOf(text);
  const unread = Object.keys(others).filter((key) => !ENGINE_KEYS.includes(key));
  const issues = unread.map((key) => ({
    path: key,
    foreign: true,
    reason: `is read by nobody at the top of the file, which has ${ENGINE_KEYS.join(", ")}; settings stand below "config:"`,
  }));
  const given = ownKeys(config);
  const identity = Object.keys(given.postgresIdentity ?? {});
  const found = [
    ...issues,
    ...plaintextIssues(inPlainText(given.receiverSecrets)),
    ...plaintextKeyIssues(inPlainText(given.backupSecrets)),
    ...plaintextIdentityIssues(identity, identity.includes("secure")),
  ];
  return { given, settings: parseConfiguration(stack, config, found) };
}

/** Names of the secrets among these that are not encrypted. */
function inPlainText(secrets: unknown): string[] {
  return Object.entries(secrets ?? {}).flatMap(([name, secret]) =>
    typeof secret === "string" ? [name] : [],
  );
}

/** A stack file; all configuration in it has the name of a project in front. */
function documentOf(text: string): { config?: Record<string, unknown> } {
  return (parseYaml(text) ?? {}) as { config?: Record<string, unknown> };
}

/**
 * Where the configuration that the engine works with says something else than a stack file: settings changed in the file
 * since the engine's copy of it was made, or in the copy alone. Secrets may stand in the copy only, and are no difference.
 *
 * @param text of the stack file
 * @param given the keys below `dujyo:` that the engine has, with values as it gives them to a program: text, or JSON
 * @returns the keys that differ, sorted
 */
export function keysThatDiffer(text: string, given: Readonly<Record<string, string>>): string[] {
  const tracked = ownKeys(documentOf(text).config ?? {});
  const keys = new Set([...Object.keys(tracked), ...Object.keys(given)]);
  return [...keys]
    .filter(
      (key) =>
        !HOLDS_SECRETS.includes(key) && comparable(tracked[key]) !== comparable(fromConfigText(given[key])),
    )
    .sort();
}

/** Configuration reaches the program as text; numbers, booleans and objects are JSON, anything else is the text itself. */
export function fromConfigText(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The same text for the same value, whichever way a scalar was quoted and whatever the order of the keys. */
function comparable(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) => {
      if (inner === null || typeof inner !== "object") return String(inner);
      if (Array.isArray(inner)) return inner;
      return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a.localeCompare(b)));
    }) ?? ""
  );
}
