import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ImageName, imageRef } from "../../infra/images.ts";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";
import { runbooks } from "../monitoring/alert-files.ts";
import { subcommandsIn } from "../monitoring/runbook-commands.ts";

/** The rules and their tests, read by the program that ships with the Prometheus which evaluates them. */

/** Days of evaluations, with a busy machine allowed for. */
const TIMEOUT = 400_000;

const promtool = (script: string) =>
  run(
    "docker",
    [
      ...["run", "--rm", "--network", "none", "--workdir", "/project", "--entrypoint", "sh"],
      ...["--volume", `${join(ROOT, "config")}:/project/config:ro`],
      ...["--volume", `${join(ROOT, "test/alerts")}:/project/test/alerts:ro`],
      ...[imageRef("prometheus"), "-c", script],
    ],
    { timeout: TIMEOUT },
  );

/** Runs a program of an image as it ships. */
const inImage = (image: ImageName, ...command: string[]) =>
  run("docker", [
    ...["run", "--rm", "--network", "none", "--entrypoint", command[0] as string, imageRef(image)],
    ...command.slice(1),
  ]);

describe("the runbooks", () => {
  it.each([
    ["patronictl", "postgres", ["patronictl", "--help"]],
    ["etcd-ask", "etcd", ["etcdctl", "help"]],
  ] as const)("name subcommands that %s has", async (program, image, help) => {
    const { stdout } = await inImage(image, ...help);
    const has = new Set(
      [...stdout.matchAll(/^\s+([a-z][a-z-]+(?: [a-z-]+)?)(?=\t| {2})/gm)].map(([, name]) => name),
    );
    const named = subcommandsIn(runbooks().values(), program);
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((name) => !has.has(name))).toEqual([]);
  });
});

describe("the alerting rules", () => {
  it("are read by promtool without a complaint", async () => {
    const answer = await promtool("promtool check rules --lint-fatal config/prometheus/rules/*.yml");
    expect(answer.stdout).toMatch(/SUCCESS: \d+ rules found/);
    expect(answer.code, answer.stderr).toBe(0);
  });

  it(
    "are silent below their thresholds, fire above, and resolve",
    async () => {
      const answer = await promtool("promtool test rules test/alerts/*.test.yml");
      expect(answer.stdout + answer.stderr).not.toContain("FAILED");
      expect(answer.code, answer.stdout + answer.stderr).toBe(0);
    },
    TIMEOUT,
  );
});
