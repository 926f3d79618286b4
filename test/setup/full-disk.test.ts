import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mustRun, run } from "../../tools/process.ts";

/** The steps of `npm run up` that write most, with the user's cache on a small file system of its own. */

const MB = 2 ** 20;
const scratch = mkdtempSync(join(tmpdir(), "full-disk-"));
const disk = join(scratch, "disk");
const cache = join(disk, "cache");
const temporary = join(disk, "temporary");
const ballast = join(disk, "ballast");
const program = join(scratch, "program");

beforeAll(async () => {
  const image = join(scratch, "image");
  mkdirSync(disk);
  mkdirSync(program);
  await mustRun("truncate", ["--size", "512M", image]);
  await mustRun("mke2fs", ["-q", "-t", "ext4", "-m", "0", image]);
  await mustRun("mount", ["-o", "loop", image, disk]);
  mkdirSync(cache);
  mkdirSync(temporary);
  writeFileSync(join(program, "go.mod"), "module example.invalid/program\n\ngo 1.21\n");
  writeFileSync(join(program, "main.go"), 'package main\n\nfunc main() { println("built") }\n');
});

afterAll(async () => {
  await run("umount", [disk]);
  rmSync(scratch, { recursive: true });
});

/** Fills the disk until `megabytes` are left. */
async function leave(megabytes: number): Promise<void> {
  const { bavail, bsize } = statfsSync(disk);
  await mustRun("fallocate", ["--length", String(bavail * bsize - megabytes * MB), ballast]);
}

function step(...args: string[]) {
  return run(process.execPath, [join(import.meta.dirname, "steps.ts"), ...args], {
    env: { XDG_CACHE_HOME: cache, TMPDIR: temporary, GOCACHE: undefined, GOFLAGS: undefined },
  });
}

/** Names below the cache that are parts of something. */
const parts = () => readdirSync(cache, { recursive: true }).filter((name) => String(name).includes(".part-"));

describe("a disk that gets full", () => {
  it("while Go builds is told with the folder and its free space, and the next run builds", async () => {
    await leave(4);
    const refused = await step("go", program);
    expect(refused.stderr).toMatch(/no space left on device/);
    expect(refused.stderr).toMatch(
      new RegExp(
        `A disk is full\\. Free now:\n {2}[0-4] MB on the disk of ${cache}/dujyo \\(Pulumi engine, plugins, logs\\)`,
      ),
    );
    expect(refused.stderr).not.toMatch(/^ +at /m);
    expect(refused.code).toBe(1);
    expect(parts()).toEqual([]);
    rmSync(ballast);
    const healed = await step("go", program);
    expect(healed.code, healed.stderr).toBe(0);
    expect((await run(join(cache, "dujyo/built/program"), [])).stderr).toBe("built\n");
  });

  it("while Node copies is told so, leaves no part behind, and the next run goes on", async () => {
    await leave(20);
    const refused = await step("context");
    expect(refused.stderr).toMatch(/ENOSPC/);
    expect(refused.stderr).toMatch(
      new RegExp(
        `A disk is full\\. Free now:\n {2}\\d+ MB on the disk of ${cache}/dujyo \\(Pulumi engine, plugins, logs\\)`,
      ),
    );
    expect(refused.stderr).not.toMatch(/^ +at /m);
    expect(refused.code).toBe(1);
    expect(parts()).toEqual([]);
    rmSync(ballast);
    const healed = await step("context");
    expect(healed.code, healed.stderr).toBe(0);
  });
});
