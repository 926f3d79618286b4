import { join } from "node:path";
import { ROOT } from "../tools/layout.ts";
import { mustRun } from "../tools/process.ts";
import type { Connection } from "./connection.ts";
import { writeConnectionFiles } from "./connection-store.ts";

export interface TokenRequest {
  /** The account that the token acts for. */
  readonly address: string;
  /** `admin` opens the admin routes. */
  readonly scope?: string;
  /** Seconds. */
  readonly ttl: string;
}

/** A bearer token for the API, made by the service's own tool with the stack's key. */
export async function bearerToken(
  stack: string,
  connection: Connection,
  { address, scope, ttl }: TokenRequest,
): Promise<string> {
  const folder = writeConnectionFiles(stack, connection);
  const args = ["--address", address, "--ttl", ttl, ...(scope ? ["--scope", scope] : [])];
  const printed = await mustRun(process.execPath, [join(ROOT, "service/src/token.ts"), ...args], {
    env: { AUTH_SIGNING_KEY_FILE: join(folder, "api-signing-key.json") },
  });
  return printed.trim();
}
