import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Listing } from "../../ops/backup/listing.ts";
import type { Diagnosis } from "../../ops/diagnose/diagnose.ts";
import type { DrillReport } from "../../ops/drill/summary.ts";
import type { Candidates } from "../../ops/postgres/candidates.ts";
import type { HandOver } from "../../ops/postgres/hand-over.ts";
import type { Status } from "../../ops/stack-status.ts";
import { ROOT } from "../../tools/layout.ts";
import { type Result, run } from "../../tools/process.ts";
import { STACK } from "./cluster-stack.ts";
import { tell } from "./objects.ts";

/** A command of `npm run ops`, as it is typed. */
const ops = (args: readonly string[], env: Record<string, string> = {}): Promise<Result> =>
  run(process.execPath, [join(ROOT, "ops/cli.ts"), ...args, "--stack", STACK], {
    cwd: ROOT,
    timeout: 390_000,
    env,
  });

async function status(): Promise<Status> {
  const { stdout, stderr } = await ops(["status", "--json"]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Status;
}

describe("day-2 commands on a real cluster", () => {
  it("tell of every member that it is well", async () => {
    const { well, problems, members } = await status();
    expect(problems).toEqual([]);
    expect(well).toBe(true);
    expect(members.filter(({ role }) => role === "leader")).toHaveLength(1);
    expect(members.filter(({ part }) => part === "api")).toHaveLength(2);
  });

  it("hand over to another member, and the rest follows it", { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await ops(["switchover", "--json"]);
    expect(code, stderr).toBe(0);
    const done = JSON.parse(stdout) as HandOver;
    tell("switchover", done);
    const { members, problems } = await status();
    expect(problems).toEqual([]);
    expect(members.find(({ role }) => role === "leader")?.member).toBe(done.to);
    expect(done.to).not.toBe(done.from);
  });

  it("fail over to a member, and copy a replica anew", { timeout: 240_000 }, async () => {
    const positions = await ops(["failover", "--dry-run", "--json"]);
    const { leader, candidates } = JSON.parse(positions.stdout) as Candidates;
    const next = candidates[0]?.name ?? "";
    const refused = await ops(["failover", "--to", next]);
    expect(refused.code).toBe(3);
    const failover = await ops(["failover", "--to", next, "--force"]);
    expect(failover.code, failover.stderr).toBe(0);
    await expect.poll(async () => (await status()).problems, { timeout: 60_000 }).toEqual([]);
    const copied = await ops(["reinit", leader ?? "", "--json"]);
    expect(copied.code, copied.stderr).toBe(0);
    tell("reinit", JSON.parse(copied.stdout));
    const { members, problems } = await status();
    expect(problems).toEqual([]);
    expect(members.find(({ role }) => role === "leader")?.member).toBe(next);
  });

  it("take a backup, and prove it by restoring it", { timeout: 240_000 }, async () => {
    const taken = await ops(["backup", "--json"]);
    expect(taken.code, taken.stderr).toBe(0);
    const proved = await ops(["restore-drill", "--json"]);
    expect(proved.code, proved.stderr).toBe(0);
    tell("restore-drill", JSON.parse(proved.stdout));
    const listed = await ops(["backups", "--json"]);
    expect(listed.code, listed.stderr).toBe(0);
    const { backups, proved: when, failures } = JSON.parse(listed.stdout) as Listing;
    expect(backups.map(({ label }) => label)).toContain(
      (JSON.parse(taken.stdout) as { label: string }).label,
    );
    expect(when).toBeDefined();
    expect(failures).toEqual([]);
  });

  it("restart a part in its pods", { timeout: 180_000 }, async () => {
    const before = await status();
    const { code, stderr } = await ops(["restart", "haproxy"]);
    expect(code, stderr).toBe(0);
    const names = ({ members }: Status) => members.map(({ member }) => member);
    expect(names(await status())).toEqual(names(before));
  });

  it("print a member's log", async () => {
    const args = [join(ROOT, "ops/logs.ts"), "postgres-0", "--tail", "5", "--stack", STACK];
    const { code, stdout } = await run(process.execPath, args, { cwd: ROOT, timeout: 60_000 });
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(5);
  });

  it("diagnose every part, each member asked through a forwarded port", async () => {
    const { stdout, stderr } = await ops(["diagnose", "--json"]);
    expect(stderr).toBe("");
    const { findings } = JSON.parse(stdout) as Diagnosis;
    const subjects = (of: string) => new Set(findings.flatMap((at) => (at.area === of ? at.subject : [])));
    expect(subjects("sessions")).toEqual(new Set(["postgres-0", "postgres-1", "postgres-2"]));
    expect(subjects("cache").size).toBe(6);
    expect(subjects("pool").size).toBeGreaterThan(0);
    expect(subjects("api").size).toBeGreaterThan(0);
    const unasked = findings.filter(
      ({ area, figure }) => area === "monitoring" || /nobody in|answer$/.test(figure),
    );
    expect(unasked).toEqual([]);
  });

  it.each(["analyze", "silence list", "report --days 1"])("do %s", async (line) => {
    const { code, stderr } = await ops([...line.split(" "), "--json"]);
    expect(code, stderr).toBe(0);
  });

  it("lead a person's own clients in for as long as wanted", { timeout: 90_000 }, async () => {
    const connect = spawn(process.execPath, [join(ROOT, "ops/connect.ts"), "--stack", STACK, "--forward"], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(connect, "close");
    let said = "";
    connect.stdout.setEncoding("utf8");
    for await (const text of connect.stdout) {
      said += text;
      if (said.includes("until you end this")) break;
    }
    const [page] = /http:\/\/127\.0\.0\.1:\d+\/health\/detailed/.exec(said) ?? [];
    expect((await fetch(page ?? "")).status).toBe(200);
    const [cache] = /'[^']+redis-cli' info memory/.exec(said) ?? [];
    const asked = await run("sh", ["-c", cache ?? "false"], { timeout: 30_000 });
    expect(asked.stdout, asked.stderr).toContain("maxmemory");
    connect.kill("SIGINT");
    // As every program that is interrupted.
    expect(await ended).toEqual([130, null]);
  });

  it("let faults happen under clients, and say which they can not", { timeout: 400_000 }, async () => {
    const faults = ["postgres-killed", "redis-lost", "primary-cut"];
    const { code, stdout, stderr } = await ops(["drill", ...faults, "--json"]);
    expect(code, stderr).toBe(0);
    const { kept, faults: told, skipped } = JSON.parse(stdout) as DrillReport;
    tell("drill", { told });
    expect(kept).toBe(true);
    expect(skipped.map(({ fault }) => fault)).toEqual(["primary-cut"]);
  });

  it("leave the audit to a stack on Docker, with the way out", async () => {
    const audit = [join(ROOT, "ops/audit.ts"), "--stack", STACK];
    const { code, stderr } = await run(process.execPath, audit, { cwd: ROOT, timeout: 60_000 });
    expect(code).toBe(1);
    expect(stderr).toMatch(/runs on Kubernetes.*npm run preview -- --stack ci-test/s);
  });

  it("say that a cluster does not answer, and do not hang", { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "dujyo-"));
    try {
      const file = join(folder, "kubeconfig");
      const nobody = { name: "dujyo", cluster: { server: "https://127.0.0.1:1" } };
      const users = [{ name: "somebody", user: { token: "none" } }];
      const context = { name: "dujyo", context: { cluster: "dujyo", user: "somebody" } };
      const config = { apiVersion: "v1", kind: "Config", clusters: [nobody], contexts: [context], users };
      writeFileSync(file, JSON.stringify(config));
      const { code, stderr } = await ops(["status"], { KUBECONFIG: file });
      expect(code).toBe(1);
      expect(stderr).toMatch(/The cluster of context "dujyo" does not answer: .*refused.*Set KUBECONFIG/s);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
