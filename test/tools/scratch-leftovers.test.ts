import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { mustRun, run } from "../../tools/process.ts";
import { ownedLabels, removeLeftovers } from "../support/scratch-leftovers.ts";

/** Of this run alone, so that no other run's containers are at stake. */
const SCRATCH = `leftovers-${process.pid}`;
const images = await run("docker", ["image", "ls", "--quiet"]);
const [image] = images.stdout.split("\n");

describe.skipIf(!image)("containers of runs that were killed", { timeout: 120_000 }, () => {
  let gone = "";
  beforeAll(async () => {
    const child = spawn("true");
    await once(child, "exit");
    gone = String(child.pid);
  });
  afterEach(async () => {
    const ids = (await remaining()).map(([id]) => id);
    if (ids.length > 0) await mustRun("docker", ["rm", "--force", "--volumes", ...ids]);
  });

  it("are removed, those of running ones and of other hosts are not", async () => {
    const own = ownedLabels(SCRATCH)["io.dujyo.owner"] as string;
    const reused = own.replace(/\d+$/, (started) => String(Number(started) - 1));
    const elsewhere = `not-${hostname()} ${gone} 1`;
    for (const owner of [own, reused, elsewhere, `${hostname()} ${gone} 1`]) await create(owner);
    await removeLeftovers(SCRATCH);
    expect((await remaining()).map(([, ...owner]) => owner.join(" ")).sort()).toEqual(
      [own, elsewhere].sort(),
    );
  });
});

async function create(owner: string): Promise<void> {
  const labels = [`--label=io.dujyo.scratch=${SCRATCH}`, `--label=io.dujyo.owner=${owner}`];
  await mustRun("docker", ["create", ...labels, image as string, "true"]);
}

async function remaining(): Promise<[id: string, ...owner: string[]][]> {
  const format = '--format={{.ID}} {{.Label "io.dujyo.owner"}}';
  const listed = await mustRun("docker", ["ps", "-a", `--filter=label=io.dujyo.scratch=${SCRATCH}`, format]);
  return listed
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" ") as [string, ...string[]]);
}
