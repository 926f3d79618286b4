import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { importJWK, SignJWT } from "jose";

import { stack } from "../stack.ts";

const SERVER = fileURLToPath(new URL("../../../service/src/server.ts", import.meta.url));

/** Test machines are slow and shared: only the tests that are about these limits use the service's own. */
const PATIENT = {
  REDIS_COMMAND_TIMEOUT_MS: "1500",
  REDIS_CONNECT_TIMEOUT_MS: "3000",
  DB_CONNECT_TIMEOUT_MS: "5000",
  DB_QUERY_TIMEOUT_MS: "4000",
  DRAIN_DELAY_MS: "500",
  SEAL_INTERVAL_MS: "0",
  LOG_LEVEL: "warn",
  ADMIN_AUTH: "off",
  HOST: "127.0.0.1",
};

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly origin: string | null;
  readonly headers: Headers;
  readonly body: T;
}

/** The API as a process of its own, as in production, from source. */
export class ApiProcess {
  readonly url: string;
  readonly name: string;
  readonly #child: ChildProcess;
  log = "";

  private constructor(child: ChildProcess, name: string, port: number) {
    this.#child = child;
    this.name = name;
    this.url = `http://127.0.0.1:${port}`;
    const keep = (chunk: unknown): void => {
      this.log += String(chunk);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
  }

  /** Starts it and waits until it trusts its caches: before that, it reads everything again. */
  static async start(name: string, environment: Readonly<Record<string, string>> = {}): Promise<ApiProcess> {
    const port = await freePort();
    const env = {
      ...process.env,
      ...stack?.environment,
      ...PATIENT,
      ...environment,
      PORT: String(port),
      INSTANCE: name,
    };
    const api = new ApiProcess(
      spawn(process.execPath, [SERVER], { env, stdio: ["ignore", "pipe", "pipe"] }),
      name,
      port,
    );
    const deadline = Date.now() + 60_000;
    while (!(await api.trusted())) {
      if (Date.now() > deadline) throw new Error(`${name} does not come up: ${api.log}`);
      await pause(100);
    }
    return api;
  }

  async trusted(): Promise<boolean> {
    try {
      const metrics = (await (await fetch(`${this.url}/metrics`)).json()) as { caches_trusted: boolean };
      return metrics.caches_trusted;
    } catch {
      return false;
    }
  }

  /** How often it had to count with changes that it did not hear of. */
  async gaps(): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`, { headers: { accept: "text/plain" } })).text();
    return Number(/^dujyo_api_coherence_gaps_total (\d+)/m.exec(text)?.[1]);
  }

  async get<T = Record<string, unknown>>(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return await answer<T>(await fetch(this.url + path, { headers }));
  }

  async transfer(
    body: { from: string; to: string; amount: number; nonce: number },
    key: string,
  ): Promise<Answer<Record<string, unknown>>> {
    const headers = {
      authorization: `Bearer ${await tokenFor(body.from)}`,
      "idempotency-key": key,
      "content-type": "application/json",
    };
    return await answer(
      await fetch(`${this.url}/transaction`, { method: "POST", headers, body: JSON.stringify(body) }),
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** @returns the exit code. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  async stop(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }
}

async function answer<T>(response: Response): Promise<Answer<T>> {
  const { status, headers } = response;
  return { status, headers, origin: headers.get("x-cache"), body: (await response.json()) as T };
}

/** A token of the stack's own key. */
export async function tokenFor(address: string, claims: Record<string, string> = {}): Promise<string> {
  const key = JSON.parse(readFileSync(stack?.environment.AUTH_SIGNING_KEY_FILE ?? "", "utf8"));
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .setSubject(address)
    .setIssuer("dujyo")
    .setAudience("dujyo-api")
    .setExpirationTime("5 minutes")
    .sign(await importJWK(key, key.alg));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
