import type { Issue } from "./budgets.ts";
import type { Settings } from "./schema.ts";
import { ISSUED_KEY, weakness } from "./strength.ts";

/** What the bucket is opened with, by the names that `backupSecrets` has them under. */
const KEYS = ["key", "keySecret"] as const;

const command = (how: string, name: string) =>
  `in the environment that "npm run connect" prints, with: pulumi config ${how} --path 'dujyo:backupSecrets.${name}'`;
const setIt = (name: string) => command("set --secret", name);

/** What is wrong with a repository in an object store. No message holds a secret. */
export function objectStoreIssues({ backup, backupSecrets }: Settings): Issue[] {
  const { bucket, endpoint, uriStyle } = backup.s3;
  const names = Object.keys(backupSecrets);
  const needless = (name: string, reason: string) => ({
    path: `backupSecrets.${name}`,
    reason: `${reason}; remove it, ${command("rm", name)}`,
  });
  if (endpoint === "")
    return [
      ...(bucket === ""
        ? []
        : [
            {
              path: "backup.s3.bucket",
              reason: `is "${bucket}" without a store; set backup.s3.endpoint, or remove it`,
            },
          ]),
      ...names.map((name) => needless(name, "opens no store: backup.s3.endpoint is empty")),
    ];
  const issues: Issue[] = [];
  if (!backup.enabled)
    issues.push({
      path: "backup.s3.endpoint",
      reason: "is set, and no backups are taken; set backup.enabled to true, or remove it",
    });
  if (bucket === "")
    issues.push({
      path: "backup.s3.bucket",
      reason: "is missing; make a bucket at the store and name it",
    });
  if (uriStyle === "host" && bucket.includes("."))
    issues.push({
      path: "backup.s3.uriStyle",
      reason: `is host, where no certificate covers the dots of "${bucket}"; use path, or a bucket without dots`,
    });
  return [
    ...issues,
    ...KEYS.filter((name) => !names.includes(name)).map((name) => ({
      path: `backupSecrets.${name}`,
      reason: `is missing, and the bucket does not open without; set it, ${setIt(name)}`,
    })),
    ...names
      .filter((name) => !(KEYS as readonly string[]).includes(name))
      .map((name) => needless(name, `is none of the secrets of a store, ${KEYS.join(" and ")}`)),
    ...KEYS.flatMap((name) => unfitKey(name, backupSecrets[name])),
  ];
}

/** What is wrong with a key, as far as it can be seen. */
function unfitKey(name: (typeof KEYS)[number], secret: unknown): Issue[] {
  // Encrypted, as a stack file has it, it is no text.
  if (typeof secret !== "string") return [];
  const path = `backupSecrets.${name}`;
  if (/\s/.test(secret))
    return [{ path, reason: `has a space or a line break in it, as no key has; set it, ${setIt(name)}` }];
  const lacks = name === "keySecret" ? weakness(secret, ISSUED_KEY) : undefined;
  if (lacks === undefined) return [];
  return [
    { path, reason: `is a weak key, ${lacks}: have another made at the store, and set it, ${setIt(name)}` },
  ];
}

/** Keys that a stack file holds in plain text; `names` of them below `backupSecrets`. */
export function plaintextKeyIssues(names: readonly string[]): Issue[] {
  return names.map((name) => ({
    path: `backupSecrets.${name}`,
    reason: `stands in the stack file unencrypted; make another, remove this one there, and set it, ${setIt(name)}`,
  }));
}
