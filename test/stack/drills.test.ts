import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DrillReport } from "../../ops/drill/summary.ts";
import { ROOT } from "../../tools/layout.ts";
import { type Result, run } from "../../tools/process.ts";
import { STACK } from "../support/stack-settings.ts";

/** Day-2 commands as a person types them. What the checker finds in a history is tested beside it. */
const ops = (...args: string[]): Promise<Result> =>
  run(process.execPath, [join(ROOT, "ops/cli.ts"), ...args, "--stack", STACK], {
    cwd: ROOT,
    timeout: 170_000,
  });

const refused = async (...args: string[]) => {
  const { code, stdout } = await ops(...args, "--json");
  return { code, ...(JSON.parse(stdout) as { refused?: string }) };
};

describe("a drill", () => {
  it.each([
    ["planned hand-over", "switchover"],
    ["crash of the primary", "postgres-killed"],
    ["loss of a part of the cache", "redis-primary-killed"],
  ])("of a %s finds every write, once, and one primary at a time", async (_, fault) => {
    const { stdout, stderr } = await ops("drill", fault, "--json");
    const report = JSON.parse(stdout || "{}") as DrillReport;
    expect(report.rounds?.length, stdout + stderr).toBe(1);
    expect(report).toMatchObject({ lost: 0, unexpected: 0, overlap_seconds: 0, stale: 0, unread: 0 });
    expect(report.rounds[0]?.acknowledged).toBeGreaterThan(100);
    expect(report.redundancy_restored_seconds).toBeLessThan(60);
    expect(report.write_outage_seconds).toBeLessThan(20);
  });
});

describe("a command is refused, with the reason and the way out, when it is", () => {
  it("about a member that is not there", async () => {
    const { code, refused: text } = await refused("reinit", "postgres-9");
    expect([code, text]).toEqual([
      3,
      expect.stringContaining("There are: postgres-0, postgres-1, postgres-2."),
    ]);
  });

  it("a failover while the leader is healthy", async () => {
    const { code, refused: text } = await refused("failover");
    expect([code, text]).toEqual([3, expect.stringContaining("npm run ops -- switchover")]);
  });

  it("about a fault that is not known", async () => {
    const { code, refused: text } = await refused("drill", "earthquake");
    expect([code, text]).toEqual([3, expect.stringContaining("postgres-killed")]);
  });

  it("about a stack beside itself", async () => {
    const { code, refused: text } = await refused("drill", "switchover", "--beside", STACK);
    expect([code, text]).toEqual([3, expect.stringContaining("Give --beside the name of another stack")]);
  });
});

describe("a dry run", () => {
  it("tells the order of a rolling restart, the leader last", async () => {
    const { code, stdout } = await ops("restart", "postgres", "--dry-run", "--json");
    const status = JSON.parse((await ops("status", "--json")).stdout) as {
      members: { member: string; role: string }[];
    };
    const leader = status.members.find(({ role }) => role === "leader")?.member;
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { order: string[] }).order.at(-1)).toBe(leader);
  });
});
