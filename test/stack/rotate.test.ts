import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, inject, it, onTestFailed } from "vitest";
import { bearerToken } from "../../ops/bearer-token.ts";
import type { Connection } from "../../ops/connection.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { eventually } from "../support/faults.ts";
import { stackConnection, up } from "../support/stack-commands.ts";
import { BASE_SETTINGS, STACK, writeSettings } from "../support/stack-settings.ts";

const rotate = (...options: string[]) => [
  join(ROOT, "ops/cli.ts"),
  ...["rotate", "token-key", "--stack", STACK, "--json", ...options],
];

const tokenOf = (connection: Connection) =>
  bearerToken(STACK, connection, { address: "DU-rotation-test", ttl: "600" });

/** 400 where the token is taken: it is looked at before the body, which is none. */
async function ask(token: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${inject("connection").api.port}/transaction`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: "{}",
  });
  await answer.text();
  return answer.status;
}

/** How often which status was answered to requests with `token` while `work` went on. */
async function statusesDuring(token: string, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let done = false;
  const client = async () => {
    while (!done) {
      const status = String(await ask(token).catch((error: Error) => error.message));
      counts[status] = (counts[status] ?? 0) + 1;
      await pause(10);
    }
  };
  const clients = Promise.all(Array.from({ length: 4 }, client));
  try {
    await work();
  } finally {
    done = true;
    await clients;
  }
  return counts;
}

async function containers(): Promise<string> {
  const labels = [`label=io.dujyo.stack=${STACK}`, "label=io.dujyo.member"];
  return mustRun("docker", [
    ...["ps", "--no-trunc", "--quiet", ...labels.flatMap((label) => ["--filter", label])],
  ]);
}

describe("a rotation of the token key", () => {
  it("fails no request and replaces no container; tokens of both keys are taken until one is withdrawn", {
    timeout: 300_000,
  }, async () => {
    onTestFailed(async () => {
      writeSettings(BASE_SETTINGS);
      await up();
    }, 300_000);
    const before = await containers();
    const former = await tokenOf(inject("connection"));
    const counts = await statusesDuring(former, () => mustRun(process.execPath, rotate()));
    console.log(`rotation: ${JSON.stringify(counts)}`);
    expect(Object.keys(counts)).toEqual(["400"]);
    const rotated = await tokenOf(await stackConnection());
    const kids = [former, rotated].map((token) => JSON.parse(atob(token.split(".")[0] as string)).kid);
    expect(new Set(kids).size).toBe(2);
    expect(await ask(rotated)).toBe(400);

    const early = await run(process.execPath, rotate("--finish"), { cwd: ROOT });
    expect(early.code).toBe(3);
    expect(early.stdout).toMatch(/may be in use until/);

    // Back to the first key: whichever key is taken out of the settings, its tokens are refused.
    writeSettings(BASE_SETTINGS);
    await up();
    await eventually("the new key is withdrawn", async () => (await ask(rotated)) === 401);
    expect(await ask(former)).toBe(400);
    expect(await containers()).toBe(before);
  });
});
