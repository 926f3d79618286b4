import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { ImageName } from "../../infra/images.ts";
import { podImage } from "../../infra/targets/kubernetes/image-reference.ts";
import { pushImages } from "../../tools/images/push.ts";
import { mustRun, run } from "../../tools/process.ts";
import { Progress } from "../../tools/setup/progress.ts";
import { ownedLabels, removeLeftovers } from "../support/scratch-leftovers.ts";

process.env.TESTCONTAINERS_RYUK_DISABLED = "true";

/** With credentials of the test's own, so that no login of the user's is used or changed. */
const folder = mkdtempSync(join(tmpdir(), "dujyo-push-"));
const password = randomBytes(16).toString("hex");
let container: StartedTestContainer;
let registry: string;

beforeAll(async () => {
  process.env.DOCKER_CONFIG = folder;
  await removeLeftovers("registry");
  const image = await GenericContainer.fromDockerfile(join(import.meta.dirname, "image")).build(
    "dujyo/test-registry:1",
    { deleteOnExit: false },
  );
  container = await image
    .withCopyContentToContainer([{ content: password, target: "/run/password" }])
    .withExposedPorts(5000)
    .withLabels(ownedLabels("registry"))
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  // Docker takes a registry on loopback without TLS.
  registry = `127.0.0.1:${container.getMappedPort(5000)}`;
  writeFileSync(
    join(folder, "Pulumi.pushed.yaml"),
    `config:\n  dujyo:target: kubernetes\n  dujyo:kubernetes:\n    registry: ${registry}\n`,
  );
}, 300_000);

afterAll(async () => {
  for (const name of NAMES) await run("docker", ["rmi", podImage(name, registry, {})]);
  await container?.stop();
  rmSync(folder, { recursive: true });
  delete process.env.DOCKER_CONFIG;
});

/** Two stand for all; the rest differ in size alone. */
const NAMES: readonly ImageName[] = ["haproxy", "redis"];

const push = () => pushImages(new Progress(), { stack: "pushed", registry, root: folder, names: NAMES });

describe("npm run images -- push", () => {
  it("says how to log in where the registry wants it, and notes nothing", async () => {
    await expect(push()).rejects.toThrow(`docker login ${registry}`);
    expect(readFileSync(join(folder, "Pulumi.pushed.yaml"), "utf8")).not.toContain("digests");
  });

  it("pushes what pods run, by the digests that it notes in the stack file", {
    timeout: 600_000,
  }, async () => {
    await mustRun("docker", ["login", "--username", "tester", "--password-stdin", registry], {
      input: password,
    });
    await push();
    const file = parse(readFileSync(join(folder, "Pulumi.pushed.yaml"), "utf8"));
    const digests = file.config["dujyo:kubernetes"].digests as Record<string, string>;
    expect(Object.keys(digests)).toEqual(NAMES);
    for (const name of NAMES) await mustRun("docker", ["pull", "--quiet", podImage(name, registry, digests)]);
  });
});
