import { Client } from "pg";
import type { Answer, Check } from "../check.ts";
import type { Scene } from "../scene.ts";

/** Role of the look-ups. */
const LOOKS_UP = "pgbouncer";
/** Names of the secrets that hold the passwords, by role; the role of the look-ups has none. */
const SECRETS: Readonly<Record<string, string | undefined>> = {
  dujyo_app: "postgres-app",
  dujyo_readonly: "postgres-readonly",
  monitoring: "postgres-monitoring",
  [LOOKS_UP]: undefined,
  dujyo_user: "postgres-owner",
  postgres: "postgres-superuser",
  // Of each pair one has the newest, and neither is to get in.
  dujyo_repl: "postgres-replication",
  dujyo_repl_b: "postgres-replication",
  dujyo_rewind: "postgres-rewind",
  dujyo_rewind_b: "postgres-rewind",
};
const POOLED: ReadonlySet<string> = new Set(["dujyo_app", "dujyo_readonly", "monitoring"]);
const CONSOLE = "pgbouncer";
const DATABASES = ["dujyo_blockchain", "dujyo_blockchain_ro", CONSOLE];
/** What PgBouncer tells somebody whom it knows and does not let in, and somebody whom it does not know. */
const REFUSAL = /^(no such user|not allowed|no authentication method is found)$|authentication failed/;

/** One login through the pooler, with the right password, and how it ended. */
export interface Login {
  readonly role: string;
  readonly database: string;
  /** "in", or the error's text. */
  readonly answer: string;
}

/** Offences of logins: each role gets in where it has work, and nowhere else. */
export function judgeLogins(logins: readonly Login[]): Answer {
  const offences = logins.flatMap(({ role, database, answer }) => {
    const allowed = database === CONSOLE ? role === "monitoring" : POOLED.has(role);
    if (allowed) return answer === "in" ? [] : [`${role} does not get into ${database}: ${answer}`];
    if (answer === "in") return [`${role} gets into ${database}`];
    // An error of another kind is no proof of a refusal.
    return REFUSAL.test(answer) ? [] : [`${role} is not refused at ${database}: ${answer}`];
  });
  return {
    asked: logins.length,
    offences,
    evidence: `${logins.length} logins with the right password, allowed and refused`,
  };
}

/** The newest password of those that a rotation has made; the first has no number in its name. */
export function newestPassword(secrets: ReadonlyMap<string, string>, name: string): string | undefined {
  const numberOf = (key: string) => (key === name ? 1 : Number(key.slice(name.length + 1)));
  const [newest] = [...secrets.keys()]
    .filter((key) => key === name || (key.startsWith(`${name}-`) && /^\d+$/.test(key.slice(name.length + 1))))
    .sort((a, b) => numberOf(b) - numberOf(a));
  return newest && secrets.get(newest);
}

async function logIn(
  { connection, secrets }: Scene,
  user: string,
  database: string,
  port = connection.pooler.port,
): Promise<Login> {
  const secret = SECRETS[user];
  const client = new Client({
    host: "127.0.0.1",
    port,
    ...{ user, database, password: secret && newestPassword(secrets, secret) },
    ssl: { ca: connection.postgresCa, servername: "localhost" },
    connectionTimeoutMillis: 10_000,
  });
  // What comes after the refusal says nothing more.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return { role: user, database, answer: "in" };
  } catch (error) {
    return { role: user, database, answer: error instanceof Error ? error.message : String(error) };
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function askLogins(scene: Scene): Promise<Answer> {
  const logins: Login[] = [];
  for (const user of Object.keys(SECRETS))
    for (const database of DATABASES) logins.push(await logIn(scene, user, database));
  return judgeLogins(logins);
}

/** What PostgreSQL tells somebody who shows no certificate. */
const NO_CERTIFICATE = /requires a valid client certificate/;

/** Offences of logins of the role of the look-ups without a certificate, at ports by name. */
export function judgeBareLogins(logins: readonly (Login & { readonly place: string })[]): Answer {
  const offences = logins
    .filter(({ answer }) => !NO_CERTIFICATE.test(answer))
    .map(({ place, answer }) =>
      answer === "in"
        ? `${place} lets anybody in as the look-ups`
        : // An error of another kind is no proof of a refusal.
          `${place} asks for no certificate: ${answer}`,
    );
  return {
    asked: logins.length,
    offences,
    evidence: `${logins.length} logins without a certificate, past the pooler`,
  };
}

async function askBareLogins(scene: Scene): Promise<Answer> {
  const { writer, reader, postgres } = scene.connection;
  const logins = [];
  for (const { port } of [writer, reader, ...postgres]) {
    const login = await logIn(scene, LOOKS_UP, "dujyo_blockchain", port);
    logins.push({ ...login, place: `127.0.0.1:${port}` });
  }
  return judgeBareLogins(logins);
}

/** As the role of the look-ups itself: whose verifier it gets, and what else it may call, read or enter. */
const LOOKUPS = `
SET ROLE pgbouncer;
SELECT 'verifier', rolname, EXISTS (SELECT FROM pgbouncer.lookup(rolname::text)) FROM pg_roles WHERE rolcanlogin
UNION ALL
SELECT 'look-up', rolname, has_function_privilege(oid, 'pgbouncer.lookup(text)', 'EXECUTE') AND has_schema_privilege(oid, 'pgbouncer', 'USAGE')
FROM pg_roles WHERE rolcanlogin AND NOT rolsuper
UNION ALL
SELECT 'schema', nspname, has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
UNION ALL
SELECT 'database', datname, has_database_privilege(oid, 'CONNECT') FROM pg_database WHERE datname <> 'template0'`;

const EXPECTED: Readonly<Record<string, { readonly who: ReadonlySet<string>; readonly words: string }>> = {
  verifier: { who: POOLED, words: "the look-up gives the verifier of" },
  "look-up": { who: new Set(["pgbouncer"]), words: "the look-up is open to" },
  schema: { who: new Set(["pgbouncer"]), words: "the role of the look-ups sees the schema" },
  database: { who: new Set(["dujyo_blockchain"]), words: "the role of the look-ups enters the database" },
};

/** Offences of rows of kind, name and whether it is so (`t` or `f`). */
export function judgeLookups(rows: readonly (readonly string[])[]): Answer {
  const offences = rows.flatMap(([kind = "", name = "", is]) => {
    const expected = EXPECTED[kind];
    const should = expected?.who.has(name) ?? false;
    return should === (is === "t") ? [] : [`${expected?.words} ${name}${should ? ": no" : ""}`];
  });
  return { asked: rows.length, offences, evidence: `${rows.length} rights of the role and to its function` };
}

export const POOLER: readonly Check[] = [
  {
    id: "identities/pooler-logins",
    title: "Through the pooler come the roles that pool, and nobody else with a right password",
    ask: askLogins,
  },
  {
    id: "identities/pooler-certificate",
    title: "Nobody is let in as the pooler's look-ups without the pooler's certificate",
    ask: askBareLogins,
  },
  {
    id: "identities/pooler-lookups",
    title: "The role of the pooler's look-ups gets the verifiers of the roles that pool, and nothing else",
    ask: async ({ sql }) => judgeLookups(await sql(LOOKUPS)),
  },
];
