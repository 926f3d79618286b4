import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { Connection } from "../../ops/connection.ts";
import { meansFullDisk, meansNoNetwork } from "../../tools/causes.mjs";
import { Failure } from "../../tools/failure.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, type RunOptions, run } from "../../tools/process.ts";
import { installPackages } from "../../tools/setup/debian.ts";
import { findGo, goBuild } from "../../tools/setup/go-toolchain.ts";
import { hasTransactions, ownerSession } from "../../tools/stack/data.ts";
import { failing, withStandIns } from "../support/stand-ins.ts";

const silent = { origin: () => undefined, line: () => undefined, note: () => undefined };
// Logs go where this says, not to the user's own cache.
const scratch = vi.hoisted(() => {
  const folder = process.getBuiltinModule("node:fs").mkdtempSync("/tmp/causes-test-");
  process.env.XDG_CACHE_HOME = folder;
  return folder;
});
afterAll(() => rmSync(scratch, { recursive: true }));

const DISK = {
  docker: "write /var/lib/docker/tmp/x: no space left on device",
  go: "go: writing go.mod cache: write /root/go/pkg/mod/cache/x: no space left on device",
  compiler: "/root/.cache/go-build/1f/a-d: disk quota exceeded",
  apt: "E: You don't have enough free space in /var/cache/apt/archives/.",
  npm: "npm error code ENOSPC\nnpm error nospc ENOSPC: no space left on device, write",
  node: "ENOSPC: no space left on device, copyfile 'a' -> 'b'",
};
const NETWORK = {
  npm: "npm error code EAI_AGAIN\nnpm error request to https://registry.example/x failed",
  "npm without a name": "npm error code ENOTFOUND",
  go: 'module lookup: Get "https://proxy.example/x": dial tcp: lookup proxy.example: no such host',
  "go without a route": "dial tcp 192.0.2.1:443: connect: network is unreachable",
  "go, refused": "dial tcp 192.0.2.1:443: connect: connection refused",
  "go, silent": "dial tcp 192.0.2.1:443: i/o timeout",
  apt: "W: Failed to fetch http://mirror.example/debian/x  Temporary failure resolving 'mirror.example'",
  "apt, refused": "Could not connect to mirror.example:80 (192.0.2.1). - connect (111: Connection refused)",
};

describe("the words of a failed program", () => {
  it.each(Object.entries(DISK))("of %s tell of a full disk", (_, words) => {
    expect([meansFullDisk(words), meansNoNetwork(words)]).toEqual([true, false]);
  });

  it.each(Object.entries(NETWORK))("of %s tell of a network that does not answer", (_, words) => {
    expect([meansFullDisk(words), meansNoNetwork(words)]).toEqual([false, true]);
  });

  it.each([
    "E: Unable to locate package postgresql-99",
    "npm error code EINTEGRITY",
    "undefined: syscall.Foo",
    "ENOSPC: System limit for number of file watchers reached",
  ])("%j tell of neither", (words) => {
    expect([meansFullDisk(words), meansNoNetwork(words)]).toEqual([false, false]);
  });
});

describe("a full disk", () => {
  it.each([
    ["docker import", "docker", DISK.docker, () => mustRun("docker", ["import", "base.tar"])],
    ["apt", "apt-get", DISK.apt, () => installPackages(silent, ["mmdebstrap"])],
    ["go build", "go", DISK.go, buildWithGo],
  ] as const)("of %s is told with the free space of each folder, and the way out", async (_, name, words, work) => {
    const programs = { dpkg: "exit 0", [name]: standIn(name, words) };
    const refusal = await withStandIns(programs, () => work().catch((error: unknown) => error));
    expect(refusal).toBeInstanceOf(Failure);
    const { message } = refusal as Failure;
    expect(message).toContain(words);
    expect(message).toMatch(/A disk is full\. Free now:\n {2}\d+ MB on the disk of /);
    expect(message).toContain(`${ROOT} (project, Node packages, state)`);
    expect(message).toMatch(/\/var\/cache\/apt\/archives \(Debian packages\)/);
    expect(message).toMatch(/Make room and repeat/);
  });
});

describe("a network that does not answer", () => {
  it.each([
    ["apt", "apt-get", NETWORK.apt, "Debian packages", () => installPackages(silent, ["mmdebstrap"])],
    ["go build", "go", NETWORK.go, "Go modules", buildWithGo],
    [
      "npm",
      "npm",
      NETWORK.npm,
      "npm ",
      () => mustRun("npm", ["install"], { fetches: ["npm packages"] } satisfies RunOptions),
    ],
  ] as const)("of %s is told with the kind of registry that is needed", async (_, name, words, kind, work) => {
    const programs = { dpkg: "exit 0", [name]: standIn(name, words) };
    const refusal = await withStandIns(programs, () => work().catch((error: unknown) => error));
    expect(refusal).toBeInstanceOf(Failure);
    expect((refusal as Failure).message).toMatch(
      new RegExp(`The network does not answer\\..* a registry of ${kind}.*Check the connection.* and repeat`),
    );
  });

  it("is told although apt only warns of it and then knows no such package", async () => {
    const apt = `case "$*" in *update) echo "${NETWORK.apt}" >&2;; *) ${failing("E: Unable to locate package mmdebstrap", 100)}\nesac`;
    const refused = withStandIns({ dpkg: "exit 0", "apt-get": apt }, () =>
      installPackages(silent, ["mmdebstrap"]),
    );
    await expect(refused).rejects.toThrow(
      /exit code 100\.[\s\S]*Unable to locate package mmdebstrap\nThe network does not answer\..*Debian packages/,
    );
  });

  it("is no cause of a program that fetches nothing", async () => {
    const failed = withStandIns({ docker: failing("connection refused") }, () => mustRun("docker", ["ps"]));
    await expect(failed).rejects.toThrow(/^docker ps failed with exit code 1\.\nconnection refused$/);
  });
});

describe("the installation of Node packages", () => {
  /** A project with nothing but what runs before its packages are there, and a command that tells its environment. */
  function bareProject(name: string): string {
    const folder = join(scratch, name);
    mkdirSync(join(folder, "tools"), { recursive: true });
    for (const file of ["bootstrap.mjs", "causes.mjs"])
      cpSync(join(ROOT, "tools", file), join(folder, "tools", file));
    writeFileSync(join(folder, "command.ts"), "console.log(process.env.DUJYO_NODE_DEPENDENCIES);\n");
    writeFileSync(
      join(folder, "package-lock.json"),
      JSON.stringify({ packages: { "": {}, "node_modules/one": { version: "1.0.0" } } }),
    );
    return folder;
  }

  const command = (folder: string) =>
    run(process.execPath, [join(folder, "tools/bootstrap.mjs"), "command.ts"], { cwd: folder });

  it.each([
    [
      "a full disk",
      DISK.npm,
      /npm error code ENOSPC[\s\S]*npm ci failed with exit code 7\.\nA disk is full\. Free now:/,
    ],
    [
      "no network",
      NETWORK.npm,
      /npm ci failed with exit code 7\.\nThe network does not answer\..*a registry of npm/,
    ],
    [
      "anything else",
      "npm error code EINTEGRITY",
      /failed with exit code 7\.\nMend the cause shown above and repeat\./,
    ],
  ])("tells of %s, and the next run goes on", async (name, words, expected) => {
    const folder = bareProject(name);
    const refused = await withStandIns({ npm: failing(words, 7) }, () => command(folder));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(expected);
    const installs =
      "mkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json && echo added 1 package";
    const healed = await withStandIns({ npm: installs }, () => command(folder));
    expect(healed.stdout).toMatch(/^official \d+(\.\d+)?\n$/);
    expect((await command(folder)).stdout).toMatch(/^cached \d+(\.\d+)?\n$/);
  });
});

describe("a ledger that can not be asked whether it has data", () => {
  const connection = (port: number) =>
    ({
      database: "ledger",
      writer: { port },
      postgresCa: "",
      postgresPasswords: {},
    }) as unknown as Connection;

  it("is told with the address and the way out, as when its session ends in a failover", async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const expected = new RegExp(
      `the writer on 127\\.0\\.0\\.1:${port} answered ".+"\\. .*npm run status.* repeat`,
    );
    const answered = hasTransactions(ownerSession(connection(port))).catch((error: unknown) => error);
    expect(await answered).toBeInstanceOf(Failure);
    expect(((await answered) as Failure).message).toMatch(expected);
    await new Promise((resolve) => server.close(resolve));
    await expect(hasTransactions(ownerSession(connection(port)))).rejects.toThrow(/ECONNREFUSED/);
  });
});

function standIn(name: string, words: string): string {
  return name === "go"
    ? `[ "$1" = version ] && echo go version go1.26.0 && exit 0\n${failing(words)}`
    : failing(words);
}

async function buildWithGo(): Promise<unknown> {
  const program = { folder: scratch, package: "." };
  return goBuild(silent, await findGo(silent), program, join(scratch, "program"));
}
