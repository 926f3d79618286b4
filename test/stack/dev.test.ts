import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { BASE_SETTINGS, STACK } from "../support/stack-settings.ts";

const PORT = 8084 + Number(BASE_SETTINGS.portOffset);

/** Far below the 4 s for which an instance behind a balancer waits before it closes. */
const DRAIN_MS = 2000;

interface Line {
  readonly msg: string;
  readonly time: string;
}

describe("npm run dev", () => {
  let child: ChildProcess | undefined;
  afterEach(() => void child?.kill("SIGTERM"));

  /** Seconds since the process that answers began; undefined while none does. */
  async function uptime(): Promise<number | undefined> {
    const answer = await fetch(`http://127.0.0.1:${PORT}/health`).catch(() => undefined);
    return answer?.ok ? ((await answer.json()) as { uptime: number }).uptime : undefined;
  }

  /** When the process that answers began, up to a second too late; 0 while none answers. */
  async function begun(): Promise<number> {
    const seconds = await uptime();
    return seconds === undefined ? 0 : Date.now() - seconds * 1000;
  }

  it("runs the API from its sources, starts it again when one changes, and frees its port", async () => {
    const args = [join(ROOT, "ops/dev.ts"), "--stack", STACK, "--port", String(PORT)];
    child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
    const lines: Line[] = [];
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (text) => {
      // Node's own words on restarts stand between the service's lines.
      if (text.startsWith("{")) lines.push(JSON.parse(text) as Line);
    });
    const last = (msg: string) => Date.parse(lines.findLast((line) => line.msg === msg)?.time ?? "");

    await expect.poll(uptime, { timeout: 60_000, interval: 200 }).toBeGreaterThanOrEqual(2);
    const balance = await fetch(`http://127.0.0.1:${PORT}/balance/DU-nobody`);
    expect(await balance.json()).toMatchObject({ address: "DU-nobody", balance: 0 });

    const now = new Date();
    utimesSync(join(ROOT, "service/src/version.ts"), now, now);
    await expect.poll(begun, { timeout: 30_000, interval: 100 }).toBeGreaterThan(now.getTime());
    // The service writes its lines in batches.
    const serving = () => lines.filter(({ msg }) => msg === "serving").length;
    await expect.poll(serving, { timeout: 10_000 }).toBe(2);
    expect(last("drained") - last("draining")).toBeLessThan(DRAIN_MS);

    child.kill("SIGTERM");
    await once(child, "exit");
    await expect.poll(uptime, { timeout: 10_000, interval: 100 }).toBeUndefined();
  });
});
