import { join } from "node:path";
import { afterAll, describe, expect, inject, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { BASE_SETTINGS, changedSettings, STACK, writeSettings } from "../support/stack-settings.ts";

const connect = () =>
  mustRun(process.execPath, [join(ROOT, "ops/connect.ts"), "--stack", STACK], { cwd: ROOT, timeout: 60_000 });

/** A line of shell in the environment that `npm run connect` has printed. */
function inShell(printed: string, line: string) {
  const exports = printed.split("\n").filter((text) => text.startsWith("  export "));
  return run("bash", ["-euc", [...exports, line].join("\n")], { cwd: ROOT, timeout: 120_000 });
}

afterAll(async () => {
  writeSettings(BASE_SETTINGS);
  await connect();
}, 60_000);

describe("plain pulumi, in the environment that npm run connect prints", () => {
  const gitStatus = () => mustRun("git", ["status", "--porcelain"], { cwd: ROOT });

  it("has nothing to change, reads the outputs, and writes into no tracked file", async () => {
    const before = await gitStatus();
    const printed = await connect();
    const { api } = inject("connection");
    expect(printed).toContain(`curl http://127.0.0.1:${api.port}/`);
    expect(printed).toContain(`npm run --silent token -- --stack ${STACK} --address`);
    const preview = await inShell(printed, "pulumi preview --expect-no-changes --non-interactive");
    expect(preview.code, preview.stdout + preview.stderr).toBe(0);
    const outputs = await inShell(printed, "pulumi stack output --json");
    expect(JSON.parse(outputs.stdout)).toMatchObject({
      apiUrl: `http://localhost:${api.port}`,
      database: "dujyo_blockchain",
      postgresPasswords: "[secret]",
    });
    expect(await gitStatus()).toBe(before);
  });

  it("deploys no settings but those of the stack's file", async () => {
    const printed = await connect();
    writeSettings(changedSettings({ redis: { cpus: 0.7 } }));
    const preview = await inShell(printed, "pulumi preview --non-interactive");
    expect(preview.code).not.toBe(0);
    expect(preview.stdout + preview.stderr).toMatch(
      /differs in dujyo:redis\..*npm run connect -- --stack test/s,
    );
    await connect();
    const fresh = await inShell(printed, "pulumi preview --non-interactive");
    expect(fresh.code, fresh.stdout + fresh.stderr).toBe(0);
    expect(fresh.stdout).toMatch(/\d+ to (update|replace)/);
  });
});
