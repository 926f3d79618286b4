import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ROOT } from "../../tools/layout.ts";

/** Programs of the machine or of PostgreSQL's client, which every runbook may name. */
const PROGRAMS = new Set([
  "curl",
  "df",
  "docker",
  "free",
  "kubectl",
  "npm",
  "openssl",
  "psql",
  "timedatectl",
  "uptime",
]);
/** Docker's own commands that are in use. */
const DOCKER = new Set(["exec", "inspect", "restart", "start", "stats", "stop", "system"]);
const KUBECTL = new Set(["exec", "get"]);
/** Functions that come with PostgreSQL or its extensions, as far as runbooks use them. */
const BUILT_IN = /^(pg_\w+|now|age|mxid_age|count|left|max|inet_server_addr)$/;
/** Words before a parenthesis that are no functions. */
const SYNTAX = new Set(["IN", "VACUUM", "EXPLAIN"]);

const scripts = new Set(
  Object.keys(
    (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> })
      .scripts,
  ),
);
const images = join(ROOT, "infra/images");
const parts = new Set([...readdirSync(images), "api", "backup", "gateway", "node-exporter"]);
const commands = join(ROOT, "ops/commands");
const operations = new Set(
  await Promise.all(
    readdirSync(commands).map(async (file) => {
      const { command } = (await import(join(commands, file))) as { command: Command };
      return command.name();
    }),
  ),
);
const ownPrograms = new Set([
  ...readdirSync(join(ROOT, "service/bin")),
  ...readdirSync(images).flatMap((image) => {
    const bin = join(images, image, "bin");
    return existsSync(bin) ? readdirSync(bin) : [];
  }),
]);
const migrations = readdirSync(join(ROOT, "migrations"))
  .filter((file) => file.endsWith(".sql"))
  .map((file) => readFileSync(join(ROOT, "migrations", file), "utf8"));
const created = (pattern: RegExp) =>
  new Set(migrations.flatMap((text) => Array.from(text.matchAll(pattern), ([, name = ""]) => name)));
const ownFunctions = created(/CREATE (?:OR REPLACE )?FUNCTION (\w+)/g);
const ownRelations = created(/CREATE (?:TABLE|VIEW|MATERIALIZED VIEW)(?: IF NOT EXISTS)? (\w+)/g);

/** Programs that come with the images' packages. */
const IMAGE_PROGRAMS = new Set(["ls", "patronictl", "psql"]);

/** Names of psql's services, as `npm run connect` writes them. */
const SERVICES = new Set(["writer", "reader", "pooled-writer", "pooled-reader"]);

/** Command lines of a runbook: its shell blocks, and inline code that begins with a program. */
export function commandsOf(runbook: string): string[] {
  const blocks = [...runbook.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
    block.trim().split("\n"),
  );
  const inline = [...runbook.replaceAll(/```[\s\S]*?```/g, "").matchAll(/`([^`]+)`/g)]
    .map(([, code = ""]) => code.replaceAll(/\s+/g, " "))
    .filter((code) => /^[a-z-]+ /.test(code) && PROGRAMS.has(code.split(" ")[0] ?? ""));
  return [...blocks, ...inline];
}

/** What a command line names and nobody has; undefined if all of it exists. */
export function missingFrom(command: string): string | undefined {
  const [program = "", first = "", second = ""] = command.split(" ");
  if (!PROGRAMS.has(program)) return `the program "${program}"`;
  if (program === "npm" && !(first === "run" && scripts.has(second))) return `the script "${second}"`;
  if (program === "docker" && !DOCKER.has(first)) return `docker's command "${first}"`;
  if (program === "kubectl" && !KUBECTL.has(first)) return `kubectl's command "${first}"`;
  return (
    missingOperation(command) ??
    missingMember(command) ??
    missingService(command) ??
    missingOwnProgram(command) ??
    missingFunction(command) ??
    missingRelation(command)
  );
}

function missingOperation(command: string): string | undefined {
  const [, name] = /^npm run ops -- (\S+)/.exec(command) ?? [];
  return name === undefined || name.startsWith("-") || operations.has(name)
    ? undefined
    : `the operation "${name}"`;
}

function missingMember(command: string): string | undefined {
  const members = [
    ...[...command.matchAll(/dujyo-dev-([a-z]+(?:-[a-z]+)*)/g)].map(([, part]) => part),
    ...[...command.matchAll(/npm run logs -- ([a-z]+(?:-[a-z]+)*)/g)].map(([, part]) => part),
  ];
  const unknown = members.find((part) => part !== undefined && !parts.has(part));
  return unknown && `the part "${unknown}"`;
}

function missingService(command: string): string | undefined {
  const unknown = [...command.matchAll(/service=([\w-]+)/g)].find(([, name = ""]) => !SERVICES.has(name));
  return unknown && `the service "${unknown[1]}"`;
}

function missingOwnProgram(command: string): string | undefined {
  const [, name] = /docker exec dujyo-dev-\S+ ([\w-]+)/.exec(command) ?? [];
  if (name === undefined || IMAGE_PROGRAMS.has(name)) return undefined;
  return ownPrograms.has(name) ? undefined : `the program "${name}" of a member`;
}

function missingFunction(command: string): string | undefined {
  if (!command.startsWith("psql ")) return undefined;
  const unknown = [...command.matchAll(/(\w+)\s?\(/g)].find(
    ([, name = ""]) => !SYNTAX.has(name) && !BUILT_IN.test(name) && !ownFunctions.has(name),
  );
  return unknown && `the function "${unknown[1]}"`;
}

function missingRelation(command: string): string | undefined {
  if (!command.startsWith("psql ")) return undefined;
  const unknown = [...command.matchAll(/\b(?:FROM|JOIN) (\w+)\b(?!\s*\()/g)].find(
    ([, name = ""]) => !name.startsWith("pg_") && !ownRelations.has(name),
  );
  return unknown && `the relation "${unknown[1]}"`;
}

/** Programs of members that have subcommands, and how runbooks name one. */
const SUBCOMMANDS = {
  patronictl: /patronictl\s+(?:-c\s+\S+\s+)?([a-z-]+)/g,
  "etcd-ask": /etcd-ask\s+((?:endpoint |member |alarm )?[a-z-]+)/g,
} as const;

/** Subcommands of `program` that `runbooks` name; whether there are such is told by the program itself alone. */
export function subcommandsIn(runbooks: Iterable<string>, program: keyof typeof SUBCOMMANDS): string[] {
  const named = [...runbooks].flatMap((text) =>
    Array.from(text.matchAll(SUBCOMMANDS[program]), ([, name = ""]) => name),
  );
  return [...new Set(named)].sort();
}
