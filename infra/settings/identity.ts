import type { Issue } from "./budgets.ts";
import { roleInTurn } from "./member-roles.ts";
import type { Settings } from "./schema.ts";
import { GIVEN_PASSWORD, weakness } from "./strength.ts";

/** What the database of a site is opened and known by, by the names that the output `postgresIdentity` has them under. */
export const IDENTITY_KEYS = [
  "certificate",
  "privateKey",
  "superuser",
  "replication",
  "rewind",
  "owner",
  "app",
  "readonly",
  "monitoring",
] as const;

export type PostgresIdentity = Readonly<Record<(typeof IDENTITY_KEYS)[number], string>>;

/** Those of them that are no passwords. */
const CERTIFIED: ReadonlySet<string> = new Set(["certificate", "privateKey"]);

const SET_IT =
  'set it, in the environment that "npm run connect" prints, to the output of that name: ' +
  "pulumi stack output postgresIdentity --show-secrets --stack OTHER | pulumi config set --secret dujyo:postgresIdentity --stack THIS";

/** The identity that a stack is created with; undefined where it makes its own. Outside of the engine it is encrypted. */
export function givenIdentity({
  postgresIdentity,
}: Pick<Settings, "postgresIdentity">): PostgresIdentity | undefined {
  return "certificate" in postgresIdentity ? (postgresIdentity as PostgresIdentity) : undefined;
}

/** What is wrong with a stack that has, or is, another site. No message holds a secret. */
export function siteIssues({ target, postgres, postgresIdentity }: Settings): Issue[] {
  const { standby, otherSite } = postgres;
  const issues: Issue[] = [];
  if (target === "docker" && (standby || otherSite.host !== ""))
    issues.push({
      path: standby ? "postgres.standby" : "postgres.otherSite.host",
      reason:
        "is set on docker, where the endpoints are published on loopback alone and no other site reaches them; " +
        "remove it, or use the target kubernetes",
    });
  if (standby && otherSite.host === "")
    issues.push({
      path: "postgres.standby",
      reason:
        "is true, but nobody is there to follow; set postgres.otherSite.host to the other site's writer endpoint",
    });
  const members = "dujyo_repl";
  if (otherSite.host !== "" && roleInTurn(members, Number(postgres.memberPasswords.at(-1))) !== members)
    issues.push({
      path: "postgres.memberPasswords",
      reason: `is ${JSON.stringify(postgres.memberPasswords)}, and the other site logs in as ${members}, which has the odd numbers; rotate once more before the two sites know each other`,
    });
  const keys = Object.keys(postgresIdentity);
  const missing = IDENTITY_KEYS.filter((key) => !keys.includes(key));
  // Encrypted, as a stack file has it, it is one value.
  if (keys.length > 0 && missing.length > 0 && !keys.includes("secure"))
    issues.push({ path: "postgresIdentity", reason: `has no ${missing.join(", ")}; ${SET_IT}` });
  if (keys.length > 0 && missing.length === 0) issues.push(...weakPasswords(postgresIdentity));
  if (standby && keys.length === 0)
    issues.push({
      path: "postgresIdentity",
      reason: `is missing, and a standby is a copy of the other site, passwords included; ${SET_IT}`,
    });
  return issues;
}

/** Passwords that may be guessed. No message holds one. */
function weakPasswords(identity: Settings["postgresIdentity"]): Issue[] {
  return Object.entries(identity).flatMap(([key, value]) => {
    const lacks = CERTIFIED.has(key) ? undefined : weakness(value, GIVEN_PASSWORD);
    if (lacks === undefined) return [];
    return [
      {
        path: `postgresIdentity.${key}`,
        reason: `is a weak password, ${lacks}: rotate it at the other site, and ${SET_IT}`,
      },
    ];
  });
}

/** What is wrong where the identity stands in a stack file in plain text. */
export function plaintextIdentityIssues(keys: readonly string[], encrypted: boolean): Issue[] {
  if (encrypted || keys.length === 0) return [];
  return [
    {
      path: "postgresIdentity",
      reason: `stands in the stack file unencrypted; rotate those secrets, remove it there, and ${SET_IT}`,
    },
  ];
}
