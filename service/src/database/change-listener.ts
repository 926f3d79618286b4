import { Client } from "pg";

import type { Change, ChangedTable } from "../cache/coherence.ts";
import type { Trust } from "../cache/trust.ts";
import type { DatabaseLogin } from "../config.ts";
import { parseLsn } from "./lsn.ts";
import { sessionOptions } from "./pools.ts";
import type { PrimaryClock } from "./primary-clock.ts";

/** Name of the session in the proofs of trust. */
export const LISTEN_SESSION = "listen";

const CHANNEL = "dujyo_invalidate";

/** Also a test that the session is with a primary: a standby has no such position and refuses. */
const PULSE = "SELECT pg_current_wal_flush_lsn()::text AS lsn, sealed_height FROM chain_state";

export interface ChangeListenerArgs {
  readonly login: DatabaseLogin;
  readonly name: string;
  readonly connectTimeoutMs: number;
  readonly pulseMs: number;
  /** Silence after which the session is given up. */
  readonly timeoutMs: number;
  readonly trust: Trust;
  readonly clock: PrimaryClock;
  readonly onChanges: (table: ChangedTable, changes: readonly Change[]) => void;
  /** Something changed and no list tells what: too much of it, or a message that can not be read. */
  readonly onBulk: () => void;
  /** Changes may have gone unheard. @param first the session only begins. */
  readonly onGap: (first: boolean) => void;
  /** A primary answers. */
  readonly onConnected: () => void;
  readonly onError: (error: unknown) => void;
}

/** What a notification says: rows with their new versions, that there are too many to tell, or a block's height. */
type Notice =
  | { readonly t: ChangedTable; readonly k: readonly Change[] }
  | { readonly t: ChangedTable; readonly all: true }
  | { readonly t: "blocks"; readonly h: number };

const TABLES: readonly unknown[] = ["balances", "token_balances", "dex_pools"] satisfies ChangedTable[];

/**
 * Hears of changes that the service did not make, on one session with the primary. A pulse on the same session proves
 * that it delivers: the server sends what was notified before it answers.
 */
export class ChangeListener {
  readonly #args: ChangeListenerArgs;
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #tries = 0;
  #first = true;

  constructor(args: ChangeListenerArgs) {
    this.#args = args;
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  start(): void {
    void this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const { login, name, connectTimeoutMs, timeoutMs } = this.#args;
    const client = new Client({
      ...sessionOptions(login, name),
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: timeoutMs,
    });
    client.on("notification", ({ payload }) => payload && this.#hear(payload));
    client.on("error", () => undefined);
    client.on("end", () => this.#lost(client));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      if (this.#stopped) {
        await client.end();
        return;
      }
      this.#client = client;
      this.#tries = 0;
      // What changed since the last proof was not heard here.
      this.#args.onGap(this.#first);
      this.#args.onConnected();
      this.#first = false;
      await this.#pulse(client);
    } catch (error) {
      this.#args.onError(error);
      client.end().catch(() => undefined);
      if (this.#client === client) this.#lost(client);
      else this.#again();
    }
  }

  async #pulse(client: Client): Promise<void> {
    const { pulseMs, trust, clock } = this.#args;
    const asked = Date.now();
    try {
      const { rows } = await client.query<{ lsn: string; sealed_height: number }>({
        name: "pulse",
        text: PULSE,
      });
      const lsn = parseLsn(rows[0]?.lsn ?? "");
      if (lsn !== undefined) clock.note(asked, lsn);
      trust.learnTip(rows[0]?.sealed_height ?? 0);
      trust.prove(LISTEN_SESSION, asked);
      if (this.#client === client) this.#timer = setTimeout(() => void this.#pulse(client), pulseMs);
    } catch (error) {
      this.#args.onError(error);
      this.#lost(client);
      // A connection that went silent would wait for an answer to its goodbye.
      (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    }
  }

  #lost(client: Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#args.trust.lose(LISTEN_SESSION);
    this.#args.onGap(false);
    this.#again();
  }

  #again(): void {
    if (this.#stopped) return;
    const wait = Math.min(50 * 2 ** this.#tries++, 1000) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }

  #hear(payload: string): void {
    const { trust, onChanges, onBulk, onError } = this.#args;
    const notice = readNotice(payload);
    if (notice === undefined) {
      onError(new Error("a notification of changes can not be read"));
      onBulk();
    } else if (notice.t === "blocks") trust.learnTip(notice.h);
    else if ("all" in notice) onBulk();
    else onChanges(notice.t, notice.k);
  }
}

/**
 * What a payload says; undefined if it is none of the triggers'. Any role of the database may notify: nothing is taken
 * for theirs unseen.
 */
export function readNotice(payload: string): Notice | undefined {
  let said: { t?: unknown; k?: unknown; all?: unknown; h?: unknown } | null;
  try {
    said = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (said?.t === "blocks") return Number.isSafeInteger(said.h) ? (said as Notice) : undefined;
  if (!TABLES.includes(said?.t)) return undefined;
  return said?.all === true || (Array.isArray(said?.k) && said.k.every(isChange))
    ? (said as Notice)
    : undefined;
}

function isChange(row: unknown): row is Change {
  return Array.isArray(row) && typeof row[0] === "string" && Number.isSafeInteger(row[1]);
}
