import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { ClientConfig } from "pg";
import { readPersonalKey } from "./blind-index.ts";
import type { PersonalDataKeys } from "./people.ts";
import { SIZES, type SizeName } from "./sizes.ts";

/** Stacks that may hold invented data. */
const STACKS = ["dev", "light", "ci", "test"];

export const USAGE = `Loads an invented ledger into an empty database and checks it.

  npm run data -- --stack dev --size test|dev|load [--seed N] [--until ISO-TIME]

  --stack   name of the stack; only ${STACKS.join(", ")} are filled
  --size    test 1k users, 10k transactions; dev 50k, 500k; load 1M, 5M
  --seed    another seed gives another ledger (default 1)
  --until   end of the history (default: now, to the hour)

Connection: PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD_FILE PGSSLROOTCERT. Keys for personal fields, 32 bytes as
hex: PERSONAL_DATA_KEY_FILE, BLIND_INDEX_KEY_FILE; without them the invented addresses are written under keys that
nobody keeps.`;

export interface CommandLine {
  readonly size: SizeName;
  readonly seed: number;
  readonly until: Date;
  readonly connection: ClientConfig;
  readonly keys: PersonalDataKeys;
}

/** @throws Error that names the argument or variable, its value, and what is allowed. */
export function readCommandLine(args: string[], env: NodeJS.ProcessEnv): CommandLine {
  const { values } = parseArgs({
    args,
    options: {
      stack: { type: "string" },
      size: { type: "string", default: "dev" },
      seed: { type: "string", default: "1" },
      until: { type: "string", default: new Date().toISOString() },
    },
  });
  if (!values.stack || !STACKS.includes(values.stack)) {
    throw new Error(
      `--stack is ${values.stack ?? "missing"}: invented data goes only to ${STACKS.join(", ")}`,
    );
  }
  if (!Object.hasOwn(SIZES, values.size)) {
    throw new Error(`--size is ${values.size}, allowed are ${Object.keys(SIZES).join(", ")}`);
  }
  const seed = Number(values.seed);
  if (!Number.isInteger(seed)) throw new Error(`--seed is ${values.seed}, allowed are whole numbers`);
  const until = new Date(values.until);
  if (!(until.getTime() > Date.UTC(2025, 5))) {
    throw new Error(
      `--until is ${values.until}, allowed are times after 2025-06-01, such as 2026-11-23T00:00:00Z`,
    );
  }
  return { size: values.size as SizeName, seed, until, connection: readConnection(env), keys: readKeys(env) };
}

function readConnection(env: NodeJS.ProcessEnv): ClientConfig {
  if (!env.PGHOST) throw new Error("PGHOST is not set: name the writer endpoint of the stack");
  const password = env.PGPASSWORD_FILE;
  const ca = env.PGSSLROOTCERT;
  return {
    host: env.PGHOST,
    port: Number(env.PGPORT || 5432),
    database: env.PGDATABASE || "dujyo_blockchain",
    user: env.PGUSER || "dujyo_user",
    application_name: "dujyo-data",
    ...(password ? { password: readFileSync(password, "utf8").trimEnd() } : {}),
    ...(ca ? { ssl: { ca: readFileSync(ca, "utf8"), rejectUnauthorized: true } } : {}),
  };
}

function readKeys(env: NodeJS.ProcessEnv): PersonalDataKeys {
  const read = (name: string): KeyObject => {
    const path = env[name];
    return path ? readPersonalKey(name, path) : createSecretKey(randomBytes(32));
  };
  return { encryption: read("PERSONAL_DATA_KEY_FILE"), blindIndex: read("BLIND_INDEX_KEY_FILE") };
}
