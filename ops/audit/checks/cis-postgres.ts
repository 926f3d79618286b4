import type { Answer, Check } from "../check.ts";
import { type Container, memberOf, type Scene } from "../scene.ts";

/** One item of the CIS PostgreSQL 17 Benchmark 1.1.0: a query that gives a row for each thing that is wrong. */
interface SqlItem {
  readonly section: string;
  readonly title: string;
  /** One text a row: what is wrong. */
  readonly wrong: string;
}

/** Objects to a parameter whose value is none of those allowed. */
const parameter = (section: string, title: string, name: string, ...allowed: string[]): SqlItem => ({
  section,
  title,
  wrong: `SELECT name || ' is ' || setting FROM pg_settings WHERE name = '${name}' AND setting NOT IN (${allowed.map((value) => `'${value}'`).join(", ")})`,
});

/** Objects to parameters that have the value that none of them may have. */
const unlike = (section: string, title: string, forbidden: Readonly<Record<string, string>>): SqlItem => ({
  section,
  title,
  wrong: `SELECT name || ' is ' || setting FROM pg_settings WHERE (name, setting) IN (${Object.entries(
    forbidden,
  )
    .map(([name, value]) => `('${name}', '${value}')`)
    .join(", ")})`,
});

/** Objects where a condition on all parameters does not hold. */
const condition = (section: string, title: string, holds: string, otherwise: string): SqlItem => ({
  section,
  title,
  wrong: `SELECT '${otherwise}' WHERE NOT coalesce((${holds}), false)`,
});

const setting = (name: string) => `current_setting('${name}', true)`;
const LOGINS =
  "dujyo_app dujyo_readonly monitoring pgbouncer dujyo_user dujyo_repl dujyo_repl_b dujyo_rewind dujyo_rewind_b postgres"
    .split(" ")
    .map((role) => `'${role}'`)
    .join(", ");

/** Items that SQL answers. Numbers are the benchmark's, words are ours. */
export const SQL_ITEMS: readonly SqlItem[] = [
  condition(
    "1.4",
    "Data pages carry checksums",
    `${setting("data_checksums")} = 'on'`,
    "data_checksums is off",
  ),
  parameter("3.1.2", "The log has a destination", "log_destination", "stderr", "jsonlog", "csvlog", "syslog"),
  parameter("3.1.3", "The logging collector runs", "logging_collector", "on"),
  condition(
    "3.1.4",
    "Log files lie in the data directory, which is its owner's alone",
    `${setting("log_directory")} !~ '^/|[.][.]'`,
    "log_directory is outside",
  ),
  condition(
    "3.1.5",
    "Names of log files carry the time",
    `${setting("log_filename")} ~ '%'`,
    "log_filename has no time in it",
  ),
  parameter("3.1.6", "Log files are their owner's alone", "log_file_mode", "0600"),
  parameter("3.1.7", "A file of the same name is begun anew", "log_truncate_on_rotation", "on"),
  condition(
    "3.1.8",
    "Log files are rotated by age",
    `${setting("log_rotation_age")} <> '0'`,
    "log_rotation_age is off",
  ),
  condition(
    "3.1.9",
    "Log files are rotated by size",
    `${setting("log_rotation_size")} <> '0'`,
    "log_rotation_size is off",
  ),
  condition(
    "3.1.11",
    "Repeated messages are told apart",
    `${setting("syslog_sequence_numbers")} = 'on'`,
    "syslog_sequence_numbers is off",
  ),
  condition(
    "3.1.12",
    "Long messages are split, not cut",
    `${setting("syslog_split_messages")} = 'on'`,
    "syslog_split_messages is off",
  ),
  condition(
    "3.1.13",
    "Lines in the system's log would tell the program",
    `${setting("syslog_ident")} = 'postgres'`,
    "syslog_ident is another name",
  ),
  parameter(
    "3.1.14",
    "Warnings and worse are logged",
    "log_min_messages",
    "warning",
    "notice",
    "info",
    "debug1",
  ),
  parameter(
    "3.1.15",
    "Statements that fail are logged",
    "log_min_error_statement",
    "error",
    "warning",
    "notice",
  ),
  parameter("3.1.16", "Parse trees are not logged", "debug_print_parse", "off"),
  parameter("3.1.17", "Rewritten trees are not logged", "debug_print_rewritten", "off"),
  parameter("3.1.18", "Plans are not logged", "debug_print_plan", "off"),
  parameter("3.1.19", "What is printed to debug is legible", "debug_pretty_print", "on"),
  parameter("3.1.20", "Sessions that begin are logged", "log_connections", "on"),
  parameter("3.1.21", "Sessions that end are logged", "log_disconnections", "on"),
  parameter("3.1.22", "Messages are as detailed as was decided", "log_error_verbosity", "default", "verbose"),
  parameter("3.1.23", "No name server is asked for each session", "log_hostname", "off"),
  condition(
    "3.1.24",
    "Each line tells time, process, role and database",
    `${setting("log_line_prefix")} ~ '%m.*%p.*%u.*%d.*%a'`,
    "log_line_prefix lacks a field",
  ),
  parameter("3.1.25", "Statements that define are logged", "log_statement", "ddl", "mod", "all"),
  condition(
    "3.1.26",
    "Times are in UTC",
    `${setting("log_timezone")} IN ('UTC', 'GMT')`,
    "log_timezone is another zone",
  ),
  condition(
    "3.2",
    "The audit extension is loaded and told what to log",
    `${setting("shared_preload_libraries")} ~ 'pgaudit' AND ${setting("pgaudit.log")} ~ 'ddl' AND ${setting("pgaudit.log")} ~ 'role'`,
    "pgaudit is not loaded, or logs no definitions and roles",
  ),
  {
    section: "4.3",
    title: "One role alone is a superuser",
    wrong: "SELECT rolname || ' is a superuser' FROM pg_roles WHERE rolsuper AND rolname <> 'postgres'",
  },
  {
    section: "4.4",
    title: "No role may log in that nobody uses",
    wrong: `SELECT rolname || ' may log in' FROM pg_roles WHERE rolcanlogin AND rolname NOT IN (${LOGINS})`,
  },
  {
    section: "4.5",
    title: "No function of the superuser is open to all",
    wrong:
      "SELECT p.oid::regprocedure || ' is open to all' FROM pg_proc p JOIN pg_roles r ON r.oid = proowner WHERE rolsuper AND prosecdef AND has_function_privilege('public', p.oid, 'EXECUTE') AND pronamespace <> 'pg_catalog'::regnamespace",
  },
  {
    section: "4.6",
    title: "Nobody writes rows without being named",
    wrong:
      "SELECT table_schema || '.' || table_name || ' is open to all' FROM information_schema.table_privileges WHERE grantee = 'PUBLIC' AND privilege_type <> 'SELECT' AND table_schema NOT IN ('pg_catalog', 'information_schema')",
  },
  condition(
    "4.8",
    "The superuser is reached through set_user",
    `${setting("shared_preload_libraries")} ~ 'set_user'`,
    "set_user is not loaded",
  ),
  {
    section: "4.9",
    title: "Predefined roles of the file system and of programs have no members",
    wrong:
      "SELECT member::regrole || ' is in ' || roleid::regrole FROM pg_auth_members WHERE roleid::regrole::text IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_write_all_data')",
  },
  {
    section: "4.10",
    title: "Whoever may log in has a password, kept under SCRAM, or is asked for a certificate",
    wrong: `SELECT rolname || ' has no password under SCRAM' FROM pg_authid WHERE rolcanlogin AND coalesce(rolpassword, '') !~ '^SCRAM-SHA-256[$]'
  AND (rolpassword IS NOT NULL OR rolname::text NOT IN (SELECT unnest(user_name) FROM pg_hba_file_rules WHERE auth_method = 'cert'))
UNION ALL SELECT 'password_encryption is ' || setting FROM pg_settings WHERE name = 'password_encryption' AND setting <> 'scram-sha-256'`,
  },
  condition(
    "5.2",
    "The server listens on named addresses",
    `${setting("listen_addresses")} !~ '[*]|(^|[, ])(0[.]0[.]0[.]0|::)'`,
    "listen_addresses is every address",
  ),
  {
    section: "5.3",
    title: "The local socket asks who one is",
    wrong:
      "SELECT 'line ' || line_number || ' is ' || auth_method FROM pg_hba_file_rules WHERE type = 'local' AND auth_method NOT IN ('peer', 'scram-sha-256', 'reject')",
  },
  {
    section: "5.4",
    title: "The network asks for a password under SCRAM, over TLS, and admits no more than it has to",
    wrong: `SELECT 'line ' || line_number || ' is ' || auth_method FROM pg_hba_file_rules WHERE type <> 'local' AND auth_method NOT IN ('scram-sha-256', 'cert', 'reject')
UNION ALL SELECT 'line ' || line_number || ' is ' || type FROM pg_hba_file_rules WHERE type NOT IN ('local', 'hostssl') AND auth_method <> 'reject'
UNION ALL SELECT 'line ' || line_number || ' admits ' || address FROM pg_hba_file_rules WHERE auth_method <> 'reject' AND (address IN ('all', '0.0.0.0', '::') OR netmask = '0.0.0.0')`,
  },
  {
    section: "5.5",
    title: "Each role may open so many sessions and no more",
    wrong:
      "SELECT rolname || ' has no limit of sessions' FROM pg_roles WHERE rolcanlogin AND rolconnlimit = -1",
  },
  unlike("6.2", "A session can not lower what guards it", {
    ignore_system_indexes: "on",
    jit_debugging_support: "on",
    post_auth_delay: "1",
  }),
  parameter("6.3", "Catalogues are closed", "allow_system_table_mods", "off"),
  unlike("6.4", "Pages are written whole and synchronised", { fsync: "off", full_page_writes: "off" }),
  unlike("6.5", "Damage is not overlooked", {
    ignore_checksum_failure: "on",
    zero_damaged_pages: "on",
    ignore_invalid_pages: "on",
  }),
  unlike("6.6", "Row security is not passed over", { row_security: "off" }),
  parameter("6.8", "TLS is on", "ssl", "on"),
  parameter("6.9", "TLS is of version 1.2 or later", "ssl_min_protocol_version", "TLSv1.2", "TLSv1.3"),
  condition(
    "6.10",
    "No weak cipher is spoken",
    `${setting("ssl_min_protocol_version")} = 'TLSv1.3' OR ${setting("ssl_ciphers")} !~* '(^|:)[^!:]*(ALL|LOW|MEDIUM|EXP|RC4|DES|MD5|NULL|PSK|CBC)'`,
    "ssl_ciphers has weak ones, and TLS below 1.3 is spoken",
  ),
  {
    section: "7.1",
    title: "A role of its own replicates",
    wrong:
      "SELECT rolname || ' replicates' FROM pg_roles WHERE rolreplication AND rolname NOT IN ('dujyo_repl', 'dujyo_repl_b', 'postgres') UNION ALL SELECT rolname || ' is a superuser' FROM pg_roles WHERE rolname LIKE 'dujyo%repl%' AND rolsuper",
  },
  parameter("7.2", "Commands of replication are logged", "log_replication_commands", "on"),
  {
    section: "7.4",
    title: "The log is archived, and the last try went well",
    wrong: `SELECT 'archive_mode is ' || setting FROM pg_settings WHERE name = 'archive_mode' AND setting NOT IN ('on', 'always')
UNION ALL SELECT 'the archive lacks ' || last_failed_wal FROM pg_stat_archiver WHERE last_failed_time > coalesce(last_archived_time, '-infinity')`,
  },
  {
    section: "7.5",
    title: "Replicas stream over TLS",
    wrong:
      "SELECT application_name || ' streams in clear' FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE NOT ssl AND client_addr IS NOT NULL",
  },
];

/** One item of the benchmark that a look at the member itself answers: a program that fails, and tells what is wrong. */
interface ShellItem {
  readonly section: string;
  readonly title: string;
  readonly script: string;
  /** Account of the member that looks. @default the member's own */
  readonly user?: string;
}

/** Fails where a program names anything. Its own exit code does not tell: grep's is that of an error where a file is missing. */
const none = (command: string) => `found=$(${command}); [ -z "$found" ] || { echo "$found"; exit 1; }`;

export const SHELL_ITEMS: readonly ShellItem[] = [
  {
    section: "1.6",
    title: "No profile sets a password",
    script: none("grep -rls PGPASSWORD /etc/profile /etc/profile.d /etc/environment /var/lib/dujyo/.profile"),
  },
  { section: "1.7", title: "No environment holds a password", script: "! env | grep -c PGPASSWORD" },
  {
    section: "2.1",
    title: "The data directory and the local socket are their owner's alone",
    script:
      'for d in "$PGDATA" /run/postgresql; do m=$(stat -c %a "$d"); [ "$m" = 700 ] || { echo "$d has mode $m"; exit 1; }; done',
  },
  {
    section: "2.2",
    title: "Nobody but root changes extensions",
    script:
      'p=$(find /usr/share/postgresql /usr/lib/postgresql -perm /022 -not -type l | head -n 1); [ -z "$p" ] || { echo "$p"; exit 1; }',
  },
  {
    section: "2.3",
    title: "No history of commands is kept",
    script: "! ls /var/lib/dujyo/.psql_history 2>/dev/null",
  },
  {
    section: "2.4",
    title: "No service file holds a password",
    script: none("grep -rls password /etc/postgresql-common/pg_service.conf /var/lib/dujyo/.pg_service.conf"),
  },
  {
    section: "4.1",
    title: "The account of the server has no password",
    script: "grep -qE '^postgres:[!*]' /etc/shadow || { echo 'the account has a password'; exit 1; }",
    user: "root",
  },
  {
    section: "5.1",
    title: "No command line holds a password",
    script: none("grep -alsE '(PGPASSWORD|password)=' /proc/[0-9]*/cmdline"),
  },
  {
    section: "6.7",
    title: "The cryptography is a validated module",
    script:
      '[ "$(cat /proc/sys/crypto/fips_enabled 2>/dev/null)" = 1 ] || { echo "FIPS mode is off"; exit 1; }',
  },
  {
    section: "7.3",
    title: "There is a whole backup",
    script: `[ -s "$PGBACKREST_CONFIG" ] || { echo "no backups are taken"; exit 1; }
pgbackrest --stanza=dujyo info --output=json | grep -q '"error":false.*"type":"full"' || { echo "there is no whole backup"; exit 1; }`,
  },
  {
    section: "8.2",
    title: "PgBackRest is there and configured",
    script:
      '[ -s "$PGBACKREST_CONFIG" ] && pgbackrest version > /dev/null || { echo "pgBackRest is not configured"; exit 1; }',
  },
];

/** Objects with every row. */
export function judgeRows(rows: readonly (readonly string[])[]): Answer {
  return { asked: 1, offences: rows.map(([what = ""]) => what), evidence: "asked of the leader" };
}

async function askMembers(scene: Scene, { script, user }: ShellItem): Promise<Answer> {
  const members = scene.members.filter(({ part }) => part === "postgres");
  const offences: string[] = [];
  for (const { name } of members) {
    const { code, stdout, stderr } = await scene.exec(name, ["sh", "-c", script], { user });
    if (code !== 0) offences.push(`${name}: ${(stdout || stderr).trim().split("\n")[0]}`);
  }
  return { asked: members.length, offences, evidence: `asked of ${members.length} members` };
}

/** Objects with members that the engine does not start again with the machine, which is what a service file is for elsewhere. */
export function judgeRestarts(containers: readonly Container[]): Answer {
  const members = containers.filter((container) => /^postgres-\d+$/.test(memberOf(container)));
  const offences = members
    .filter(({ HostConfig }) => !/^(always|unless-stopped)$/.test(restartPolicy(HostConfig)))
    .map((container) => `${memberOf(container)} stays away when the machine starts`);
  return { asked: members.length, offences, evidence: `${members.length} members` };
}

function restartPolicy(host: Container["HostConfig"]): string {
  return (host.RestartPolicy as { Name?: string } | undefined)?.Name ?? "";
}

export const CIS_POSTGRES: readonly Check[] = [
  {
    id: "cis-postgres/1.3",
    title: "The server starts with the machine",
    ask: async ({ containers }) => judgeRestarts(containers),
  },
  ...SQL_ITEMS.map(
    ({ section, title, wrong }): Check => ({
      id: `cis-postgres/${section}`,
      title,
      ask: async ({ sql }) => judgeRows(await sql(wrong)),
    }),
  ),
  ...SHELL_ITEMS.map(
    (item): Check => ({
      id: `cis-postgres/${item.section}`,
      title: item.title,
      ask: (scene) => askMembers(scene, item),
    }),
  ),
];
