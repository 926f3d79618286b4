import { Client } from "pg";
import type { StartedTestContainer } from "testcontainers";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { SHELL_ITEMS, SQL_ITEMS } from "../../ops/audit/checks/cis-postgres.ts";
import { startScratchPostgres } from "../support/scratch-postgres.ts";

/** A server with a fault for every item of the benchmark that is asked: an item that finds none here can not fail. */

/** What the bare server does not have wrong by itself. */
const PARAMETERS: Readonly<Record<string, string>> = {
  log_destination: "stderr,syslog",
  log_directory: "/tmp",
  log_filename: "postgresql.log",
  log_file_mode: "0644",
  log_rotation_age: "0",
  log_rotation_size: "0",
  syslog_sequence_numbers: "off",
  syslog_split_messages: "off",
  syslog_ident: "other",
  log_min_messages: "error",
  log_min_error_statement: "panic",
  debug_print_parse: "on",
  debug_print_rewritten: "on",
  debug_print_plan: "on",
  debug_pretty_print: "off",
  log_error_verbosity: "terse",
  log_hostname: "on",
  log_timezone: "Europe/Berlin",
  password_encryption: "md5",
  jit_debugging_support: "on",
  allow_system_table_mods: "on",
  zero_damaged_pages: "on",
  row_security: "off",
  ssl_min_protocol_version: "TLSv1",
};

const OBJECTS = `
CREATE ROLE stranger LOGIN SUPERUSER REPLICATION;
GRANT pg_write_all_data TO stranger;
CREATE FUNCTION public.lent() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1;
CREATE TABLE public.open ();
GRANT INSERT ON public.open TO PUBLIC;`;

/** What is done as root in front of the item's own script; empty where the bare server is wrong as it is. */
const PLANTED: Readonly<Record<string, string>> = {
  "1.6": "echo PGPASSWORD=x > /var/lib/dujyo/.profile",
  "1.7": "export PGPASSWORD=x",
  "2.1": "chmod 755 $PGDATA",
  "2.2": "chmod 777 /usr/share/postgresql",
  "2.3": "touch /var/lib/dujyo/.psql_history",
  "2.4": "echo password=x > /var/lib/dujyo/.pg_service.conf",
  "4.1": "sed -i 's/^postgres:[!*]/postgres:$y$/' /etc/shadow",
  "5.1": "sh -c 'sleep 60; :' --password=x >/dev/null 2>&1 &",
  "6.7": "",
  "7.3": "",
  "8.2": "",
};

let container: StartedTestContainer;
let client: Client;
beforeAll(async () => {
  const parameters = Object.entries(PARAMETERS).map(([name, value]) => `-c ${name}=${value}`);
  container = await startScratchPostgres(parameters.join(" "));
  client = new Client({
    host: "127.0.0.1",
    port: container.getMappedPort(5432),
    user: "postgres",
    database: "postgres",
  });
  await client.connect();
  await client.query(OBJECTS);
  // A member has a memory file system there.
  await container.exec(["chmod", "00700", "/run/postgresql"], { user: "root" });
  // A replica in clear, for as long as the container lives.
  await container.exec([
    "sh",
    "-c",
    "mkdir /tmp/wal; pg_receivewal --host=127.0.0.1 --username=postgres --directory=/tmp/wal >/dev/null 2>&1 &",
  ]);
  await vi.waitFor(
    async () => expect((await client.query("SELECT FROM pg_stat_replication")).rowCount).toBe(1),
    20_000,
  );
});
afterAll(async () => {
  await client?.end();
  await container?.stop({ removeVolumes: true });
});

it.each(SQL_ITEMS)("finds the fault of $section: $title", async ({ wrong }) => {
  const { rows } = await client.query<string[]>({ text: wrong, rowMode: "array" });
  expect(rows.flat()).not.toEqual([]);
  for (const what of rows.flat()) expect(what).toMatch(/\w/);
});

it.each(SHELL_ITEMS)("finds the fault of $section: $title", async ({ section, script }) => {
  const plant = PLANTED[section];
  expect(plant, "no fault is planted for it").toBeDefined();
  const answers = async (text: string) =>
    (await container.exec(["sh", "-c", text], { user: "root" })).exitCode;
  if (plant) expect(await answers(script)).toBe(0);
  expect(await answers(`${plant}\n${script}`)).not.toBe(0);
});
