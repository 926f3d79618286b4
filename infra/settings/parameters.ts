import { z } from "zod";
import known from "./postgres-parameters.json" with { type: "json" };

/** One parameter of PostgreSQL as the server describes it. `npm run parameters` writes the list. */
export interface Parameter {
  readonly type: "bool" | "integer" | "real" | "enum" | "string";
  /** What a number without a unit counts, such as `ms` or `8kB`; absent for plain numbers. */
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  /** What an enumeration takes. */
  readonly values?: readonly string[];
}

type Value = string | number | boolean;

const PARAMETERS = known as Readonly<Record<string, Parameter>>;

const PARAMETER_OWNED =
  "is computed from the other settings; leave it out and change the setting that it follows from";

/**
 * Parameters that the program computes, that keep the durability promise or that say where the members' files and sockets
 * are; a stack may not set them by hand.
 */
const OWNED_PARAMETERS = new Set([
  "max_connections",
  "shared_buffers",
  "effective_cache_size",
  "work_mem",
  "maintenance_work_mem",
  "autovacuum_work_mem",
  "max_wal_senders",
  "max_replication_slots",
  "wal_level",
  "hot_standby",
  "synchronous_commit",
  "synchronous_standby_names",
  "fsync",
  "full_page_writes",
  "ssl",
  "ssl_ca_file",
  "ssl_cert_file",
  "ssl_key_file",
  "password_encryption",
  "listen_addresses",
  "port",
  "cluster_name",
  "primary_conninfo",
  "primary_slot_name",
  "config_file",
  "data_directory",
  "external_pid_file",
  "hba_file",
  "ident_file",
  "unix_socket_directories",
]);

/** Bytes of each unit of memory, milliseconds of each unit of time, as PostgreSQL spells them. */
const UNITS: readonly Readonly<Record<string, number>>[] = [
  { B: 1, kB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 },
  { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 },
];

const SWITCH: Readonly<Record<string, string>> = {
  on: "on",
  true: "on",
  yes: "on",
  "1": "on",
  off: "off",
  false: "off",
  no: "off",
  "0": "off",
};

/**
 * What is wrong with a value of a parameter, what is allowed, the way out; undefined where nothing is. Patroni drops a
 * name or a value that it does not take, with a warning in a member's log, so it is refused before it gets there.
 *
 * @param name as the stack file has it, lower case
 */
export function parameterProblem(name: string, value: Value): string | undefined {
  if (OWNED_PARAMETERS.has(name)) return PARAMETER_OWNED;
  const parameter = PARAMETERS[name];
  if (parameter) return valueProblem(parameter, value);
  const library = name.split(".")[0] as string;
  // PostgreSQL takes any name of two parts for a library that it has not loaded, or for the user's own.
  if (name.includes(".") && !namesOf(library).length) return undefined;
  const others = namesOf(library).join(", ");
  return `is no parameter of PostgreSQL 17 that can be set; ${
    name.includes(".") ? `those of ${library} are ${others}` : "SELECT name FROM pg_settings lists all"
  }. Remove it or correct its name`;
}

function namesOf(library: string): string[] {
  return Object.keys(PARAMETERS).filter((name) => name.startsWith(`${library}.`));
}

function valueProblem(parameter: Parameter, value: Value): string | undefined {
  const text = String(value).toLowerCase();
  const refused = (allowed: string) => `is ${JSON.stringify(value)}; use ${allowed}`;
  switch (parameter.type) {
    case "bool":
      return text in SWITCH ? undefined : refused("on or off");
    case "enum": {
      const values = parameter.values ?? [];
      const taken = values.includes(text) || values.includes(SWITCH[text] ?? "");
      return taken ? undefined : refused(`one of ${values.join(", ")}`);
    }
    case "integer":
    case "real":
      return numberIn(parameter, String(value)) ? undefined : refused(allowedNumbers(parameter));
    case "string":
      return undefined;
  }
}

/** Whether a number, with or without a unit, lies within the parameter's limits. */
function numberIn({ unit, min = -Infinity, max = Infinity }: Parameter, text: string): boolean {
  const match = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([A-Za-z]*)\s*$/.exec(text);
  if (!match) return false;
  const [, number, given] = match as unknown as [string, string, string];
  const value = Number(number);
  if (given === "") return value >= min && value <= max;
  const [, count, base] = /^(\d*)(\w+)$/.exec(unit ?? "") ?? [];
  const units = UNITS.find((kind) => base !== undefined && base in kind);
  const factor = units?.[given];
  if (!units || factor === undefined) return false;
  const inUnit = (value * factor) / (Number(count || 1) * (units[base as string] as number));
  return inUnit >= min && inUnit <= max;
}

function allowedNumbers({ type, unit, min, max }: Parameter): string {
  const base = /[A-Za-z]+$/.exec(unit ?? "")?.[0] ?? "";
  const units = UNITS.find((kind) => base in kind);
  const range = `a ${type === "integer" ? "whole " : ""}number from ${min} to ${max}`;
  return units
    ? `${range}, counted in ${unit}, or one with a unit (${Object.keys(units).join(", ")})`
    : range;
}

/** PostgreSQL parameters beyond the computed ones, applied through Patroni's dynamic configuration. */
export const parameters = z
  .record(
    z
      .string()
      .regex(
        /^[a-z_]+(\.[a-z_]+)?$/,
        "is no PostgreSQL parameter name; use lower-case letters and underscores",
      ),
    z.union([z.string(), z.number(), z.boolean()], {
      error: (issue) => `is ${JSON.stringify(issue.input)}; use a text, a number, true or false`,
    }),
  )
  .superRefine((given, context) => {
    for (const [name, value] of Object.entries(given)) {
      const message = parameterProblem(name, value);
      if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
    }
  })
  .default({});
