import type { Answer, Check } from "../check.ts";
import type { Scene } from "../scene.ts";

/** What a role may do with the rows of a relation: S(elect), I(nsert), U(pdate), D(elete), T(runcate), R(eferences). */
type Actions = string;

/** Relations that more than reading is allowed on; all others of the schema are read at most. */
const WRITES: Readonly<Record<string, Readonly<Record<string, Actions>>>> = {
  dujyo_app: { users: "SIUD", token_balances: "SIU", dex_pools: "SIU", dex_liquidity_positions: "SIUD" },
};
const READERS: ReadonlySet<string> = new Set(["dujyo_app", "dujyo_readonly"]);
/** Personal fields, which the reading role has no use for. */
const PERSONAL: Readonly<Record<string, readonly string[]>> = {
  dujyo_readonly: ["email_ciphertext", "email_index", "password_hash"],
};
/** Of the extension: everybody sees the texts of their own statements alone. */
const OPEN: ReadonlySet<string> = new Set(["pg_stat_statements", "pg_stat_statements_info"]);

const ROLES = [
  ...["dujyo_app", "dujyo_readonly", "monitoring", "pgbouncer"],
  ...["dujyo_repl", "dujyo_repl_b", "dujyo_rewind", "dujyo_rewind_b"],
];
/** Let in by a certificate alone. */
const CERTIFIED: ReadonlySet<string> = new Set(["pgbouncer"]);
const ROLE_ROWS = ROLES.map((role) => `('${role}')`).join(", ");

const TABLES = `
SELECT r.name, c.relname, (
  SELECT coalesce(string_agg(left(action, 1), '' ORDER BY place), '')
  FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES']) WITH ORDINALITY a(action, place)
  WHERE has_table_privilege(r.name, c.oid, action) OR (action = 'SELECT' AND has_any_column_privilege(r.name, c.oid, 'SELECT')))
FROM pg_class c, (VALUES ${ROLE_ROWS}) r(name)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')`;

/** Offences of a matrix of role, relation and actions. */
export function judgeTables(rows: readonly (readonly string[])[]): Answer {
  const offences = rows.flatMap(([role = "", relation = "", actions = ""]) => {
    const allowed = WRITES[role]?.[relation] ?? (READERS.has(role) || OPEN.has(relation) ? "S" : "");
    const excess = [...actions].filter((action) => !allowed.includes(action));
    const lack = [...allowed].filter((action) => !actions.includes(action));
    return [
      ...(excess.length > 0 ? [`${role} has ${excess.join("")} on ${relation} beyond "${allowed}"`] : []),
      ...(lack.length > 0 ? [`${role} lacks ${lack.join("")} on ${relation}`] : []),
    ];
  });
  return {
    asked: rows.length * 6,
    offences,
    evidence: `${rows.length} pairs of role and relation, 6 actions each, granted and refused`,
  };
}

const COLUMNS = `
SELECT r.name, a.attname FROM pg_attribute a, (VALUES ${ROLE_ROWS}) r(name)
WHERE a.attrelid = 'public.users'::regclass AND a.attnum > 0 AND has_column_privilege(r.name, a.attrelid, a.attnum, 'SELECT')`;

/** Offences of a list of role and readable column of users. */
export function judgePersonalColumns(rows: readonly (readonly string[])[]): Answer {
  const offences = rows
    .filter(([role = "", column = ""]) => PERSONAL[role]?.includes(column))
    .map(([role, column]) => `${role} reads users.${column}`);
  return { asked: rows.length, offences, evidence: `${rows.length} readable columns of users` };
}

/** Who may log in with which attribute: s(uper), r(eplication), c(reates roles), d(atabases), b(ypasses row security). */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  postgres: "srcdb",
  dujyo_repl: "r",
  dujyo_repl_b: "r",
};
const MEMBERSHIPS: ReadonlySet<string> = new Set([
  "monitoring in pg_monitor",
  "monitoring in pg_use_reserved_connections",
  "dujyo_user in pg_read_all_stats",
  "dujyo_app in pg_read_all_stats",
]);
const KNOWN: ReadonlySet<string> = new Set([...ROLES, "postgres", "dujyo_user"]);

const ACCOUNTS = `
SELECT rolname, concat(CASE WHEN rolsuper THEN 's' END, CASE WHEN rolreplication THEN 'r' END, CASE WHEN rolcreaterole THEN 'c' END,
  CASE WHEN rolcreatedb THEN 'd' END, CASE WHEN rolbypassrls THEN 'b' END), left(rolpassword, 13)
FROM pg_authid WHERE rolcanlogin`;
const MEMBERS = `
SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members WHERE member::regrole::text !~ '^pg_'`;

/** Offences of the roles that log in, and of what they are members of. */
export function judgeRoles(
  accounts: readonly (readonly string[])[],
  members: readonly (readonly string[])[],
): Answer {
  const offences = [
    ...accounts.flatMap(([role = "", attributes = "", verifier = ""]) => [
      ...(KNOWN.has(role) ? [] : [`nobody knows the role ${role}, which may log in`]),
      ...([...attributes].some((attribute) => !ATTRIBUTES[role]?.includes(attribute))
        ? [`${role} has the attributes ${attributes}`]
        : []),
      ...(CERTIFIED.has(role) && verifier !== ""
        ? [`${role} has a password, and logs in with a certificate`]
        : []),
      ...(!CERTIFIED.has(role) && verifier !== "SCRAM-SHA-256"
        ? [`${role} has no password under SCRAM-SHA-256`]
        : []),
    ]),
    ...members.map(([member, group]) => `${member} in ${group}`).filter((pair) => !MEMBERSHIPS.has(pair)),
  ];
  return {
    asked: accounts.length,
    offences,
    evidence: `${accounts.length} roles that log in, ${members.length} memberships`,
  };
}

const DEFINERS = `
SELECT p.oid::regprocedure::text, proowner::regrole::text, coalesce(array_to_string(proconfig, ';'), ''), has_function_privilege('public', p.oid, 'EXECUTE')
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
WHERE prosecdef AND nspname NOT IN ('pg_catalog', 'information_schema')
  -- Those of extensions are not ours to write; whether they are open to all is asked for by the benchmark, 4.5.
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')`;

/** Offences of functions that act with their owner's rights. */
export function judgeDefiners(rows: readonly (readonly string[])[]): Answer {
  const offences = rows.flatMap(([name = "", owner = "", settings = "", everybody = ""]) => [
    ...(/search_path=.*pg_temp$/.test(
      settings.split(";").find((setting) => setting.startsWith("search_path")) ?? "",
    )
      ? []
      : [`${name} does not end its search_path with pg_temp`]),
    ...(everybody === "f" ? [] : [`${name} may be called by everybody`]),
    ...(owner === "postgres" && name !== "pgbouncer.lookup(text)" ? [`${name} acts as the superuser`] : []),
  ]);
  return {
    asked: rows.length,
    offences,
    evidence: `${rows.length} functions that act with their owner's rights`,
  };
}

const CREATORS = `
SELECT r.name, has_database_privilege(r.name, d.datname, 'CREATE') OR has_database_privilege(r.name, d.datname, 'TEMP'), 'database ' || d.datname
FROM pg_database d, (VALUES ${ROLE_ROWS}) r(name) WHERE d.datname <> 'template0'
UNION ALL
SELECT r.name, has_schema_privilege(r.name, n.oid, 'CREATE'), 'schema ' || n.nspname
FROM pg_namespace n, (VALUES ${ROLE_ROWS}, ('public')) r(name) WHERE n.nspname !~ '^pg_'`;

/** Offences of roles that may make objects. */
export function judgeCreators(rows: readonly (readonly string[])[]): Answer {
  const offences = rows
    .filter(([, may]) => may !== "f")
    .map(([role, , where]) => `${role} may make objects in ${where}`);
  return { asked: rows.length, offences, evidence: `${rows.length} pairs of role and database or schema` };
}

const sqlCheck = (name: string, title: string, ask: (sql: Scene["sql"]) => Promise<Answer>): Check => ({
  id: `identities/${name}`,
  title,
  ask: ({ sql }) => ask(sql),
});

export const SQL_RIGHTS: readonly Check[] = [
  sqlCheck("tables", "Each role has on each relation the rights it is for, and no other", async (sql) =>
    judgeTables(await sql(TABLES)),
  ),
  sqlCheck("personal-columns", "The reading role reads no personal field", async (sql) =>
    judgePersonalColumns(await sql(COLUMNS)),
  ),
  sqlCheck(
    "roles",
    "One superuser, one role that replicates, SCRAM for all, no membership beyond the known",
    async (sql) => judgeRoles(await sql(ACCOUNTS), await sql(MEMBERS)),
  ),
  sqlCheck(
    "definers",
    "Functions with their owner's rights have a closed search path and are not open to all",
    async (sql) => judgeDefiners(await sql(DEFINERS)),
  ),
  sqlCheck("creators", "No role but the schema's owner makes objects", async (sql) =>
    judgeCreators(await sql(CREATORS)),
  ),
];
