import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { ROOT, VERSIONS } from "../../tools/layout.ts";
import { goMinor, goPlatform } from "../../tools/setup/go-toolchain.ts";
import { placeFolder, writeWhole } from "../../tools/setup/place.ts";
import { refuseTakenPorts, wantedPorts } from "../../tools/setup/ports.ts";
import { Progress } from "../../tools/setup/progress.ts";

describe("pinned releases", () => {
  it("are those of package.json", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect({
      pulumi: devDependencies.pulumi,
      docker: dependencies["@pulumi/docker"],
      kubernetes: dependencies["@pulumi/kubernetes"],
    }).toEqual(VERSIONS);
    expect(dependencies["@pulumi/pulumi"]).toBe(VERSIONS.pulumi);
  });

  it("are those of the engine's Go module", () => {
    expect(readFileSync(join(ROOT, "tools/go/engine/go.mod"), "utf8")).toContain(
      `pulumi/pkg/v3 v${VERSIONS.pulumi}`,
    );
  });
});

describe("Go", () => {
  it.each([
    ["go version go1.26.8 linux/amd64", 26],
    ["go version go1.19.8 linux/amd64", 19],
    ["", 0],
  ])("%j is release 1.%i", (answer, minor) => {
    expect(goMinor(answer)).toBe(minor);
  });

  it("has its own names of processors", () => {
    expect(goPlatform("linux", "x64")).toEqual({ os: "linux", arch: "amd64" });
    expect(goPlatform("darwin", "arm64")).toEqual({ os: "darwin", arch: "arm64" });
  });
});

describe("placing files", () => {
  it("leaves no part behind, also when filling fails", async () => {
    const folder = mkdtempSync(join(tmpdir(), "place-test-"));
    writeWhole(join(folder, "file"), "whole");
    await placeFolder(join(folder, "made"), async (part) => writeWhole(join(part, "inside"), "x"));
    const failing = placeFolder(join(folder, "failed"), async () => {
      throw new Error("cut off");
    });
    await expect(failing).rejects.toThrow("cut off");
    expect(readdirSync(folder).sort()).toEqual(["file", "made"]);
  });
});

describe("the closing table", () => {
  it("has the time that the Node packages took, which was before this process, in its total", async () => {
    vi.stubEnv("DUJYO_NODE_DEPENDENCIES", "official 34.25");
    const out = new Writable({ write: (_chunk, _encoding, done) => done() }) as NodeJS.WriteStream;
    const progress = new Progress(out);
    vi.unstubAllEnvs();
    await progress.step("state", async (step) => step.origin("cached"));
    expect(progress.table()).toMatch(
      /^ {2}Node dependencies +official +34\.[23] s\n {2}state +cached +0\.0 s\n {2}total +34\.[23] s$/,
    );
  });
});

describe("published ports", () => {
  it("leave out that of a part whose image can not be had", () => {
    const settings = parseSettings("dev", { portOffset: 100 });
    const parts = (present: boolean) => wantedPorts(settings, () => present).map(({ part }) => part);
    expect(parts(true)).toContain("grafana");
    expect(parts(false)).not.toContain("grafana");
    expect(parts(false)).toContain("prometheus");
  });

  it("are refused by number with the way out when somebody else listens, and accepted when the stack does", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const wanted = [{ part: "pgbouncer", port }];
    await expect(refuseTakenPorts(wanted, new Set())).rejects.toThrow(
      new RegExp(`${port} \\(pgbouncer\\).*Nothing was created.*dujyo:portOffset`),
    );
    await expect(refuseTakenPorts(wanted, new Set([port]))).resolves.toBeUndefined();
    await new Promise((resolve) => server.close(resolve));
    await expect(refuseTakenPorts(wanted, new Set())).resolves.toBeUndefined();
  });
});
