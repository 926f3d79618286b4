import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";
import { type Bill, debianBill, keepBundled } from "../../tools/sbom/bills.ts";
import { bundledPackages } from "../../tools/sbom/bundled.ts";

const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));

describe("the lock file", () => {
  it("brings packages from npm's own registry alone, over HTTPS, under their own names", async () => {
    const rules = ["--validate-https", "--validate-package-names", "--allowed-hosts", "npm"];
    const { code, stdout, stderr } = await run(
      process.execPath,
      [
        join(ROOT, "node_modules/lockfile-lint/bin/lockfile-lint.js"),
        ...["--path", "package-lock.json", "--type", "npm", "--validate-integrity", ...rules],
      ],
      { cwd: ROOT },
    );
    expect(code, stdout + stderr).toBe(0);
  });

  // The linter passes over a package that has no digest at all.
  it("has a SHA-512 of every package", () => {
    const packages = Object.entries(
      read("package-lock.json").packages as Record<string, { integrity?: string }>,
    );
    expect(packages.length).toBeGreaterThan(500);
    const without = packages.filter(
      ([path, { integrity }]) => path !== "" && !integrity?.startsWith("sha512-"),
    );
    expect(without.map(([path]) => path)).toEqual([]);
  });

  it("names one version of each package that the project asks for", () => {
    const { dependencies, devDependencies, optionalDependencies } = read("package.json");
    const asked = Object.entries<string>({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(asked.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});

describe("known weaknesses of the packages", () => {
  it("are none of moderate rank or above", async ({ skip }) => {
    const { stdout } = await run("npm", ["audit", "--json", "--audit-level", "moderate"], { cwd: ROOT });
    const report = JSON.parse(stdout) as {
      message?: string;
      metadata?: { vulnerabilities: Record<"moderate" | "high" | "critical", number> };
    };
    if (!report.metadata) skip(`the registry's advisory service did not answer: ${report.message ?? stdout}`);
    expect(report.metadata?.vulnerabilities).toMatchObject({ moderate: 0, high: 0, critical: 0 });
  });
});

describe("the bills of materials", () => {
  it("of the bundle names what the service is made of, and none of the project's tools", async () => {
    const { stdout } = await run("npm", ["sbom", "--sbom-format", "cyclonedx"], { cwd: ROOT });
    const project = JSON.parse(stdout) as Bill;
    const bundle = keepBundled(project, await bundledPackages());
    const names = bundle.components.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["fastify", "pg", "ioredis", "jose", "pino", "prom-client"]),
    );
    for (const tool of ["esbuild", "vitest", "pulumi", "typescript"]) expect(names).not.toContain(tool);
    expect(bundle.components.filter(({ purl, version }) => !purl?.endsWith(`@${version}`))).toEqual([]);
    expect(() => keepBundled({ ...project, components: [] }, ["pg@1.0.0"])).toThrow("pg@1.0.0");
  });

  it("of an image name its installed Debian packages with their versions", () => {
    const entry = (name: string, status: string) =>
      `Package: ${name}\nStatus: ${status}\nArchitecture: amd64\nVersion: 1:2.0-1+deb13u1`;
    const status = [
      entry("openssl", "install ok installed"),
      entry("gone", "deinstall ok config-files"),
    ].join("\n\n");
    expect(debianBill("dujyo/x:1", status).components).toEqual([
      expect.objectContaining({
        name: "openssl",
        purl: "pkg:deb/debian/openssl@1%3A2.0-1%2Bdeb13u1?arch=amd64",
      }),
    ]);
    expect(() => debianBill("dujyo/x:1", "")).toThrow("no list of Debian packages");
  });

  it("of an image name what is linked into programs in Go and Rust, each once", () => {
    const entry = (name: string, linked: string) =>
      `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1-1\n${linked}`;
    const status = [
      entry("prometheus", "Static-Built-Using: golang-1.24 (= 1.24.4-1), golang-fsnotify (= 1.8.0-3)"),
      entry("etcd-server", "Built-Using: golang-1.24 (= 1.24.4-1)"),
    ].join("\n\n");
    const { components } = debianBill("dujyo/x:1", status);
    expect(components.map(({ purl }) => purl)).toEqual([
      "pkg:deb/debian/prometheus@1-1?arch=amd64",
      "pkg:deb/debian/golang-1.24@1.24.4-1?arch=source",
      "pkg:deb/debian/golang-fsnotify@1.8.0-3?arch=source",
      "pkg:deb/debian/etcd-server@1-1?arch=amd64",
    ]);
  });
});
