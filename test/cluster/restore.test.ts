import { join } from "node:path";
import { expect, inject, it } from "vitest";
import type { Status } from "../../ops/stack-status.ts";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";
import { STACK } from "./cluster-stack.ts";
import { tell } from "./objects.ts";
import { withOwner } from "./writer.ts";

/** A command of `npm run ops` that has to succeed; what it tells. */
async function ops<T>(...args: string[]): Promise<T> {
  const command = [join(ROOT, "ops/cli.ts"), ...args, "--stack", STACK, "--json"];
  const { code, stdout, stderr } = await run(process.execPath, command, { cwd: ROOT, timeout: 600_000 });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

const note = (text: string) =>
  withOwner(inject("clusterConnection"), async (client) => {
    const inserted = await client.query<{ at: Date }>(
      "INSERT INTO restore_notes VALUES ($1) RETURNING clock_timestamp() AS at",
      [text],
    );
    return inserted.rows[0]?.at as Date;
  });

it("goes back in place to a moment before a write, on a real cluster", { timeout: 900_000 }, async () => {
  await withOwner(inject("clusterConnection"), async (client) => {
    await client.query("DROP TABLE IF EXISTS restore_notes");
    await client.query("CREATE TABLE restore_notes (text text PRIMARY KEY)");
  });
  await ops("backup");
  const kept = await note("kept");
  // PostgreSQL's clock and the target are both in microseconds; a second apart is far enough.
  const since = (moment: number) =>
    expect.poll(() => Date.now() - moment, { timeout: 5_000 }).toBeGreaterThan(1_000);
  await since(kept.getTime());
  const target = new Date().toISOString();
  await since(Date.parse(target));
  await note("undone");
  // With its end, the log is archived beyond the target.
  await ops("backup");
  const restored = await ops<object>("restore", "--to-time", target, "--in-place", "--confirm", STACK);
  tell("restore in place", restored);
  const { rows } = await withOwner(inject("clusterConnection"), (client) =>
    client.query<{ text: string }>("SELECT text FROM restore_notes"),
  );
  expect(rows).toEqual([{ text: "kept" }]);
  const { problems } = await ops<Status>("status");
  expect(problems).toEqual([]);
  await ops("backup", "--type", "full");
});
