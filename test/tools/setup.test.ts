import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, VERSIONS } from "../../tools/layout.ts";
import { meansFullDisk } from "../../tools/setup/full-disk.ts";
import { goMinor, goPlatform } from "../../tools/setup/go-toolchain.ts";
import { placeFolder, writeWhole } from "../../tools/setup/place.ts";
import { refuseTakenPorts } from "../../tools/setup/ports.ts";

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

describe("a full disk", () => {
  it("is recognised in the words of the engine, the system and Node", () => {
    expect(meansFullDisk("write /var/lib/x: no space left on device")).toBe(true);
    expect(meansFullDisk("ENOSPC: write")).toBe(true);
    expect(meansFullDisk("E: Unable to locate package")).toBe(false);
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

describe("published ports", () => {
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
