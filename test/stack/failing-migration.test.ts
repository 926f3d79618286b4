import { afterAll, expect, inject, it } from "vitest";
import { SteadyLoad } from "../service/support/steady-load.ts";
import { upWithMigration } from "../support/project-copy.ts";
import { up } from "../support/stack-commands.ts";

afterAll(() => up(), 300_000);

it("leaves the former schema and the former API serving", { timeout: 300_000 }, async () => {
  const load = new SteadyLoad(5, async () => {
    const { status } = await fetch(`http://127.0.0.1:${inject("connection").api.port}/blocks?limit=1`);
    return status === 200 ? undefined : `answered ${status}`;
  });
  try {
    const sql = "CREATE TABLE half_done (id int);\nSELECT 1 / 0;\n";
    await expect(upWithMigration("999_broken.sql", sql)).rejects.toThrow(/999_broken[\s\S]*division by zero/);
  } finally {
    await load.stop();
  }
  expect(load.complaints()).toEqual({});
});
