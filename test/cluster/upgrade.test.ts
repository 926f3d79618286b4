import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, inject, it } from "vitest";
import { readConnection } from "../../ops/connection-store.ts";
import { program } from "../../tools/cluster/programs.ts";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { NAMESPACE, OTHER_NAMESPACE, OTHER_STACK, removeOther, STACK, up, upOther } from "./cluster-stack.ts";
import { kubectl, tell } from "./objects.ts";
import { Writer, withOwner } from "./writer.ts";

/** The page's lines, run as they stand but for the names of the stacks. */
const [DEFINITIONS = "", INTRODUCTION = "", REMOVAL = "", GIVING_UP = ""] = Array.from(
  readFileSync(join(ROOT, "docs/upgrade.md"), "utf8").matchAll(/```sh\n([\s\S]*?)```/g),
  ([, block = ""]) => block,
);
const STACKS = "before=prod after=next";

interface Said {
  readonly stdout: string;
  readonly seconds: number;
}

/** Lines of a person's shell, after the page's definitions. */
async function shell(lines: string, onLine: (line: string) => void = () => undefined): Promise<Said> {
  const definitions = DEFINITIONS.replace(STACKS, `before=${STACK} after=${OTHER_STACK}`);
  const started = performance.now();
  const { code, stdout, stderr } = await run(
    "bash",
    ["-euo", "pipefail", "-c", `${definitions}\n${lines}`],
    // The client that was built for the cluster; a cluster that was given has the user's own.
    { cwd: ROOT, env: { PATH: `${process.env.PATH}:${dirname(program("kubectl"))}` }, onLine },
  );
  expect(code, `${lines}\n${stdout}\n${stderr}`).toBe(0);
  return { stdout, seconds: (performance.now() - started) / 1_000 };
}

type Side = "before" | "after";

/** A program of PostgreSQL's in the leader of a side, on the ledger. */
const inLeader = async (side: Side, command: string) =>
  (await shell(`$(inside "$${side}" "$(leader "$${side}")") ${command} --username=postgres dujyo_blockchain`))
    .stdout;

const ask = async (side: Side, sql: string) =>
  (await inLeader(side, `psql --no-psqlrc --tuples-only --no-align --command="${sql}"`)).trim();

/** All definitions and rights. */
const definitionsOf = async (side: Side) =>
  (await inLeader(side, "pg_dump --schema-only --no-publications --no-subscriptions")).replace(
    /^\\(un)?restrict .*$/gm,
    "",
  );

const rows = (side: Side) => ask(side, "SELECT count(*) FROM drill_written").then(Number);

/** What `npm run status` finds wrong. */
async function problems(stack: string): Promise<string[]> {
  const args = [join(ROOT, "ops/cli.ts"), "status", "--json", "--stack", stack];
  const { stdout } = await run(process.execPath, args, { cwd: ROOT, timeout: 60_000 });
  return (JSON.parse(stdout) as { problems: string[] }).problems;
}

const isWell = (stack: string) =>
  expect.poll(() => problems(stack), { timeout: 90_000, interval: 1_000 }).toEqual([]);

/** How long nobody could write, by the word of the command. */
function pauseIn({ stdout }: Said): number {
  expect(stdout).toMatch(/^Both held the same in \d+ tables and sequences\.$/m);
  return Number(/nobody did for ([\d.]+) s/.exec(stdout)?.[1]);
}

afterAll(removeOther, 180_000);

describe("an upgrade to another cluster, as docs/upgrade.md has it", () => {
  it("takes a ledger there and back while a client writes", { timeout: 900_000 }, async () => {
    expect(DEFINITIONS).toContain(STACKS);
    const here = inject("clusterConnection");
    const bringingUp = performance.now();
    await up({ postgres: { logicalReplication: true } });
    const logical = (performance.now() - bringingUp) / 1_000;
    await upOther({ logicalReplication: true }, "none");
    const beside = (performance.now() - bringingUp) / 1_000 - logical;
    const there = await readConnection(OTHER_STACK, pulumiEnvironment(OTHER_STACK));
    const writer = await Writer.start(here);

    await shell(INTRODUCTION);
    const prepare = await shell("upgrade prepare");
    await expect(withOwner(there, async () => undefined, OTHER_NAMESPACE)).rejects.toThrow(
      /not permitted to log in/,
    );
    await shell("upgrade follow");
    // The slot stays with the member that led.
    const switchover = [join(ROOT, "ops/cli.ts"), "switchover", "--stack", STACK];
    const { code, stderr } = await run(process.execPath, switchover, { cwd: ROOT, timeout: 120_000 });
    expect(code, stderr).toBe(0);
    await expect(shell("upgrade progress")).rejects.toThrow(/no longer keeps the log for the new cluster/);
    await shell(GIVING_UP);
    await shell("upgrade prepare");
    const follow = await shell("upgrade follow");
    expect((await shell("upgrade progress")).stdout).toMatch(
      /^all tables are copied, \d+\.\d MB of log behind, 0 failed attempts\.$/m,
    );
    await writer.progress(20);

    const followed = writer.count;
    const change = await shell("upgrade switch", (line) => {
      if (line.includes("takes no writes")) writer.moveTo(there, OTHER_NAMESPACE);
    });
    await expect(withOwner(here, async () => undefined)).rejects.toThrow(/not permitted to log in/);
    await writer.progress(50);
    expect(await definitionsOf("after")).toBe(await definitionsOf("before"));
    await isWell(OTHER_STACK);

    const back = await shell("upgrade back", (line) => {
      if (line.includes("takes no writes")) writer.moveTo(here, NAMESPACE);
    });
    await writer.progress(50);
    const report = await writer.stop();
    tell("upgrade", {
      ...{ logical, beside, prepare: prepare.seconds, follow: follow.seconds },
      ...{
        change: change.seconds,
        noWrites: pauseIn(change),
        back: back.seconds,
        noWritesBack: pauseIn(back),
      },
      ...{ followed, ...report },
    });
    expect(report.lost).toEqual([]);
    await expect.poll(() => rows("after"), { timeout: 30_000, interval: 500 }).toBe(await rows("before"));

    await shell("upgrade finish");
    for (const side of ["before", "after"] as const)
      for (const kind of [
        "pg_publication",
        "pg_subscription",
        "pg_replication_slots WHERE slot_type = 'logical'",
      ])
        expect(await ask(side, `SELECT count(*) FROM ${kind}`), `${kind} ${side}`).toBe("0");
    await shell(REMOVAL);
    for (const namespace of [NAMESPACE, OTHER_NAMESPACE])
      expect(await kubectl(["get", "networkpolicies", "--output=name"], undefined, namespace)).not.toContain(
        "upgrade",
      );
    await isWell(STACK);
  });
});
