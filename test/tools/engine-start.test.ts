import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { startEngine } from "../../tools/setup/docker-engine.ts";
import { failing, withStandIns } from "../support/stand-ins.ts";

// The log and the number of the engine's process go where this says, not to the user's own cache.
const cache = vi.hoisted(() => {
  const { mkdtempSync } = process.getBuiltinModule("node:fs");
  const folder = mkdtempSync(`${process.getBuiltinModule("node:os").tmpdir()}/engine-start-`);
  process.env.XDG_CACHE_HOME = folder;
  return folder;
});
afterAll(() => rmSync(cache, { recursive: true }));

const silent = { origin: () => undefined, line: () => undefined, note: () => undefined };
const noAnswer = failing("Cannot connect to the Docker daemon");

describe("an engine that is started", () => {
  it("and ends at once is told with its last words, without waiting for an answer", async () => {
    const started = performance.now();
    const programs = {
      docker: noAnswer,
      dockerd: failing("failed to mount overlay: operation not permitted"),
    };
    await expect(withStandIns(programs, () => startEngine(silent, "dockerd"))).rejects.toThrow(
      /^dockerd failed with exit code 1\.\nfailed to mount overlay: operation not permitted\nAll output: .*dockerd\.log$/,
    );
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("and finds its disk full is told so", async () => {
    const programs = {
      docker: noAnswer,
      dockerd: failing("mkdir /var/lib/docker/tmp: no space left on device"),
    };
    await expect(withStandIns(programs, () => startEngine(silent, "dockerd"))).rejects.toThrow(
      /A disk is full/,
    );
  });

  it("and answers is enough; this run's temporary files are not its own", async () => {
    const folder = mkdtempSync(join(tmpdir(), "engine-"));
    const programs = {
      docker: `test -e ${folder}/up && echo 20.10.24`,
      dockerd: `echo "\${TMPDIR-its own}" > ${folder}/up && exec sleep 2`,
    };
    vi.stubEnv("TMPDIR", folder);
    await withStandIns(programs, () => startEngine(silent, "dockerd"));
    vi.unstubAllEnvs();
    expect(Number(readFileSync(join(cache, "dujyo/dockerd.pid"), "utf8"))).toBeGreaterThan(1);
    expect(readFileSync(join(folder, "up"), "utf8")).toBe("its own\n");
    rmSync(folder, { recursive: true });
  });
});
