import { exec } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

import { Client } from "pg";

/** A session past the pooler, as a person or another program would open it. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly caFile: string;
}

/** What the tests against real engines need to know. The file that STACK_FACTS names holds it as JSON. */
export interface Stack {
  /** The service's environment, without PORT and INSTANCE. */
  readonly environment: Readonly<Record<string, string>>;
  /** The role that owns the schema, on the primary. */
  readonly owner: Login;
  /** A superuser on every replica. */
  readonly replicas: readonly Login[];
  /** A superuser on every member: whichever serves a read counts it. */
  readonly members: readonly Login[];
  /** Shell commands that do what their names say, and end when it is done. */
  readonly commands: Readonly<
    Record<
      "stopRedis" | "startRedis" | "stopDatabase" | "startDatabase" | "stopReplicas" | "startReplicas",
      string
    >
  >;
}

const path = process.env.STACK_FACTS;

/** The running stack, or undefined: the tests that need one are then skipped. */
export const stack: Stack | undefined = path ? (JSON.parse(readFileSync(path, "utf8")) as Stack) : undefined;

/** The service's own role, on the primary, past the pooler. */
export function appLogin({ environment, owner }: Stack): Login {
  const password = readFileSync(environment.DB_PASSWORD_FILE ?? "", "utf8").trimEnd();
  return { ...owner, user: "dujyo_app", password };
}

/** Does one of the stack's commands. */
export async function command(name: keyof Stack["commands"]): Promise<void> {
  if (!stack) throw new Error("bug: a test without a stack gave a command");
  await promisify(exec)(stack.commands[name], { timeout: 30_000 });
}

/** Opens a session; whoever opens it ends it. */
export async function connect({ caFile, ...login }: Login): Promise<Client> {
  const ssl = { ca: readFileSync(caFile, "utf8"), servername: login.host };
  const client = new Client({ ...login, ssl });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
