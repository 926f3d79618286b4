import type { Issue } from "./budgets.ts";
import { givenSecrets } from "./given-secrets.ts";
import type { Settings } from "./schema.ts";
import { ISSUED_KEY, weakness } from "./strength.ts";

/** What the bucket is opened with, by the names that `backupSecrets` has them under. */
const KEYS = ["key", "keySecret"] as const;

const { setIt, removeIt, plaintextIssues } = givenSecrets("backupSecrets", (name) => `.${name}`);

/** What is wrong with keys that a stack file holds in plain text, by their names. */
export { plaintextIssues as plaintextKeyIssues };

/** What is wrong with a repository in an object store. No message holds a secret. */
export function objectStoreIssues({ backup, backupSecrets }: Settings): Issue[] {
  const { bucket, endpoint, uriStyle } = backup.s3;
  const names = Object.keys(backupSecrets);
  const needless = (name: string, reason: string) => ({
    path: `backupSecrets.${name}`,
    reason: `${reason}; remove it, ${removeIt(name)}`,
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
