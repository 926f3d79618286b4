import { setTimeout as pause } from "node:timers/promises";
import type { DrillAccount } from "./accounts.ts";
import { ANSWER_MILLISECONDS, type ClientTask, describeError } from "./client-task.ts";
import { now } from "./history.ts";

/** Pauses between two operations of one client, milliseconds. */
const WRITE_PAUSE = 40;
const READ_PAUSE = 12;
/** Pause before a booking whose outcome is unknown is repeated. */
const REPEAT_PAUSE = 100;
/** Every how many of its bookings a client reads its own account with the token of the booking. */
const TOKEN_READ_EVERY = 3;

interface Booked {
  readonly number: number;
  /** What a read sends to see the booking. */
  readonly token: string;
}

/** Books one micro-DYO again and again; repeats a booking until its outcome is known. */
export async function apiWriter(task: ClientTask, account: DrillAccount): Promise<void> {
  for (let number = 1; !task.stop.aborted; number += 1) {
    const booked = await book(task, account, number);
    if (booked && number % TOKEN_READ_EVERY === 0) await readBalance(task, account.address, account, booked);
    await pause(WRITE_PAUSE);
  }
}

/** Reads the drill's accounts in turn, as anybody would: each that is booked from, and as often the one that is not. */
export async function apiReader(task: ClientTask, client: string): Promise<void> {
  const { booked, still } = task.accounts;
  const turns = booked.flatMap((account) => [account, still]);
  for (let turn = 0; !task.stop.aborted; turn += 1) {
    const account = turns[turn % turns.length] as DrillAccount;
    await readBalance(task, client, account);
    await pause(READ_PAUSE);
  }
}

/** Undefined where the drill ends before the booking's outcome is known. */
async function book(task: ClientTask, account: DrillAccount, number: number): Promise<Booked | undefined> {
  const client = account.address;
  // One booking each, one micro-DYO each: what is gone from the funds counts the nonces.
  const nonce = number + account.start - task.startOf(account);
  while (!task.stop.aborted) {
    const from = now();
    const note = (outcome: "acknowledged" | "unknown", error?: string) =>
      task.note({ kind: "write", path: "api", client, number, outcome, from, to: now(), error });
    try {
      const answer = await fetch(await urlOf(task, "/transaction"), {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "idempotency-key": `${task.run}/${number}`,
          authorization: `Bearer ${account.token}`,
        },
        body: JSON.stringify({ from: client, to: `${client}-sink`, amount: 1, nonce }),
        signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
      });
      const body = (await answer.json()) as { read_after?: string; code?: string };
      if (answer.ok && body.read_after !== undefined) {
        await note("acknowledged");
        return { number, token: body.read_after };
      }
      await note("unknown", `${answer.status} ${body.code}`);
    } catch (error) {
      await note("unknown", describeError(error));
    }
    await pause(REPEAT_PAUSE);
  }
  return undefined;
}

async function readBalance(
  task: ClientTask,
  client: string,
  account: DrillAccount,
  after?: Booked,
): Promise<void> {
  const from = now();
  const own = {
    account: account.address,
    token: after?.number,
    still: account === task.accounts.still || undefined,
  };
  const event = { kind: "read", path: "api", client, from, ...own } as const;
  const failed = (error: string) => task.note({ ...event, to: now(), outcome: "failed", error });
  try {
    const answer = await fetch(await urlOf(task, `/balance/${account.address}`), {
      headers: after ? { "x-read-after": after.token } : {},
      signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
    });
    const body = (await answer.json()) as { balance?: number; code?: string };
    if (!answer.ok || body.balance === undefined) return await failed(`${answer.status} ${body.code}`);
    const seen = task.startOf(account) - body.balance;
    await task.note({ ...event, to: now(), outcome: "answered", seen });
  } catch (error) {
    await failed(describeError(error));
  }
}

async function urlOf({ stack }: ClientTask, path: string): Promise<string> {
  const { api } = await stack.connection();
  return `http://127.0.0.1:${api.port}${path}`;
}
