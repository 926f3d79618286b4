import { join } from "node:path";
import { afterAll, describe, expect, inject, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";
import { ensureLocalState, pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { Pulumi } from "../../tools/stack/pulumi.ts";
import {
  NAMESPACE,
  OTHER_NAMESPACE,
  OTHER_STACK,
  removeOther,
  STACK,
  upOther,
  writeOther,
  writerOf,
} from "./cluster-stack.ts";
import { client, kubectl, pods, primary, tell } from "./objects.ts";
import { Writer } from "./writer.ts";

/** What the other site is told of this one; it follows, or leads and serves. */
const site = (standby: boolean) => ({
  standby,
  otherSite: { host: writerOf(NAMESPACE), knownAs: writerOf(OTHER_NAMESPACE), network: "10.0.0.0/8" },
});

/** How many members of PostgreSQL this site is told to have; without any, it does not lead. */
async function scaleTo(members: number): Promise<void> {
  await kubectl(["scale", "statefulset", "postgres", `--replicas=${members}`]);
  if (members > 0) return;
  await expect.poll(async () => (await pods("postgres")).length, { timeout: 90_000, interval: 500 }).toBe(0);
}

/** The stack, with the identity of the one that it follows, as a person takes it over. */
async function createWithIdentity(): Promise<void> {
  const pulumi = new Pulumi(OTHER_STACK, pulumiEnvironment(OTHER_STACK));
  ensureLocalState(OTHER_STACK, pulumi.environment);
  await pulumi.create();
  const identity = await new Pulumi(STACK, pulumiEnvironment(STACK)).mustRun([
    ...["stack", "output", "postgresIdentity", "--show-secrets", "--stack", STACK],
  ]);
  const set = ["config", "set", "--secret", "dujyo:postgresIdentity", "--stack", OTHER_STACK];
  await pulumi.mustRun(set, { input: identity.trim() });
}

/** A statement on a member, of the other site unless said otherwise, from inside. */
async function ask(sql: string, namespace = OTHER_NAMESPACE, member = "postgres-0"): Promise<string> {
  const psql = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--host=/run/postgresql"];
  const args = ["exec", member, "--container=postgres", "--", ...psql, "--username=postgres"];
  const found = await client.kubectl([
    ...["--namespace", namespace, ...args, "--dbname=dujyo_blockchain", `--command=${sql}`],
  ]);
  return (found.stdout || found.stderr).trim();
}

const rows = () => ask("SELECT count(*) FROM drill_written").then(Number);

afterAll(removeOther, 180_000);

describe("two sites of one database", () => {
  it("follow, are promoted, take writes; the old one stays down", { timeout: 600_000 }, async () => {
    const writer = await Writer.start(inject("clusterConnection"));
    await writer.progress(20);
    writeOther(site(true));
    await createWithIdentity();
    const started = performance.now();
    await upOther(site(true));
    const up = (performance.now() - started) / 1_000;
    await writer.progress(20);
    const { lost, acknowledged } = await writer.stop();
    expect(lost).toEqual([]);
    await expect.poll(rows, { timeout: 10_000, interval: 200 }).toBe(acknowledged);
    expect(await ask("INSERT INTO drill_written VALUES (-1)")).toMatch(/read-only transaction/);
    // Under the name of a member it would count for this site's quorum.
    const { metadata } = await primary();
    const following = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'other-site'";
    expect(await ask(following, NAMESPACE, metadata.name)).toBe("async");

    // Two leaders would be the end of one of their histories.
    await expect(upOther(site(false))).rejects.toThrow();
    const refusals = ["logs", "--selector=app.kubernetes.io/component=postgres-settle", "--tail=-1"];
    const { stdout } = await client.kubectl(["--namespace", OTHER_NAMESPACE, ...refusals]);
    expect(stdout).toContain("the other site still leads: take it down, or cut it off");
    expect(await ask("INSERT INTO drill_written VALUES (-1)")).toMatch(/read-only transaction/);

    await scaleTo(0);
    const promoting = performance.now();
    let writes = 0;
    const firstWrite = expect
      .poll(() => ask("INSERT INTO drill_written VALUES (-1) RETURNING number"), {
        timeout: 240_000,
        interval: 200,
      })
      .toMatch(/^-1/)
      .then(() => {
        writes = (performance.now() - promoting) / 1_000;
      });
    await upOther(site(false));
    const serves = (performance.now() - promoting) / 1_000;
    await firstWrite;
    const status = [join(ROOT, "ops/cli.ts"), "status", "--stack", OTHER_STACK];
    const { code, stdout: table } = await run(process.execPath, status, { cwd: ROOT, timeout: 60_000 });
    expect(code, table).toBe(0);

    // The old site comes back as what it was.
    await scaleTo(3);
    const logs = () => kubectl(["logs", "postgres-0", "--container=postgres"]).catch(() => "");
    await expect.poll(logs, { timeout: 60_000, interval: 500 }).toContain("the other site leads");
    expect(await kubectl(["logs", "postgres-0", "--container=postgres"])).not.toContain(
      "starting PostgreSQL",
    );

    // Back to one site: with the other one gone, this one leads again.
    const gone = performance.now();
    await client.kubectl(["--namespace", OTHER_NAMESPACE, "delete", "deployment", "haproxy", "--wait=true"]);
    await expect
      .poll(
        () =>
          primary().then(
            () => true,
            () => false,
          ),
        { timeout: 90_000, interval: 500 },
      )
      .toBe(true);
    tell("two sites", { up, writes, serves, back: (performance.now() - gone) / 1_000 });
  });
});
