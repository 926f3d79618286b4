import { existsSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { contentDigest } from "../../infra/images.ts";
import { CACHE, LOGS, ROOT } from "../layout.ts";
import { mustRun, run } from "../process.ts";
import type { Step } from "./progress.ts";

/** Go's own commands, wherever Go runs. */
export interface Go {
  /**
   * Runs `go` in `folder` and returns its standard output.
   *
   * @param output folder that the command writes to
   * @throws Failure with Go's last lines
   */
  run(step: Step, folder: string, args: readonly string[], output?: string): Promise<string>;
  /** A path that Go printed, as this process sees it. */
  path(printed: string): string;
}

/** The first Go that fetches a newer release by itself when a module asks for one. */
const LEAST_GO = 21;

/** Minor release of Go 1 in the answer of `go version`; 0 where there is none. */
export function goMinor(answer: string): number {
  return Number(/\bgo1\.(\d+)/.exec(answer)?.[1] ?? 0);
}

/** Go's names of this machine's platform. */
export function goPlatform(platform: string, arch: string): { os: string; arch: string } {
  return { os: platform, arch: arch === "x64" ? "amd64" : arch };
}

/**
 * The Go on PATH; where there is none, or an old one, Debian's in a container, compiling for this machine.
 *
 * @throws Failure where that container's image can not be built
 */
export async function findGo(step: Step): Promise<Go> {
  if (goMinor((await run("go", ["version"])).stdout) >= LEAST_GO) return native;
  const context = join(ROOT, "tools/go/toolchain");
  const image = `dujyo/go:${contentDigest(context).slice(0, 12)}`;
  if ((await run("docker", ["image", "inspect", image])).code !== 0) {
    step.note("no Go 1.21 or later on PATH; using Debian's in a container");
    await mustRun("docker", ["build", "--tag", image, context], {
      onLine: step.line,
      fetches: ["Debian packages"],
    });
  }
  return inContainer(image);
}

/** Modules are checked against go.sum, and Go itself against Go's checksum database. */
const SETTINGS = { CGO_ENABLED: "0", GOTOOLCHAIN: "auto", GOFLAGS: "-buildvcs=false" };

function logOf(step: Step, folder: string) {
  mkdirSync(LOGS, { recursive: true });
  return {
    onLine: step.line,
    logFile: join(LOGS, `go-${basename(folder)}.log`),
    fetches: ["Go modules"] as const,
  };
}

const native: Go = {
  run: (step, folder, args) => mustRun("go", args, { ...logOf(step, folder), cwd: folder, env: SETTINGS }),
  path: (printed) => printed,
};

/** Where Debian keeps the certificate authorities that a machine trusts. */
const AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";

/** How this user reaches modules; a container knows nothing of it. */
const NETWORK_VARIABLES = ["GOPROXY", "GOSUMDB", "GONOSUMDB", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

function inContainer(image: string): Go {
  const home = join(CACHE, "go");
  const { os, arch } = goPlatform(process.platform, process.arch);
  const environment = { ...SETTINGS, GOOS: os, GOARCH: arch, HOME: "/cache" };
  return {
    run(step, folder, args, output) {
      mkdirSync(home, { recursive: true });
      const user = process.getuid ? ["--user", `${process.getuid()}:${process.getgid?.()}`] : [];
      const volumes = [
        `${folder}:${folder}`,
        `${home}:/cache`,
        ...(output ? [`${output}:${output}`] : []),
        // A proxy that opens encrypted traffic is trusted by the machine, not by the image.
        ...(existsSync(AUTHORITIES) ? [`${AUTHORITIES}:${AUTHORITIES}:ro`] : []),
      ];
      const handedOn = NETWORK_VARIABLES.filter((name) => process.env[name] !== undefined);
      return mustRun(
        "docker",
        [
          ...[
            "run",
            "--rm",
            "--workdir",
            folder,
            ...user,
            ...volumes.flatMap((volume) => ["--volume", volume]),
          ],
          ...handedOn.flatMap((name) => ["--env", name]),
          ...Object.entries(environment).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
          ...[image, "go", ...args],
        ],
        logOf(step, folder),
      );
    },
    path: (printed) =>
      printed.startsWith("/cache/") ? join(home, printed.slice("/cache/".length)) : printed,
  };
}

/** One program to be built from Go modules. */
export interface GoProgram {
  /** Folder with go.mod and go.sum. */
  readonly folder: string;
  /** Package to build, as `go build` names it. */
  readonly package: string;
  /** Build tag. @default none */
  readonly tag?: string;
  /** Variables that the linker sets: full names and values. @default none */
  readonly variables?: readonly (readonly [string, string])[];
}

/**
 * Builds a static program for this machine.
 *
 * @throws Failure with the compiler's last lines
 */
export async function goBuild(step: Step, go: Go, program: GoProgram, output: string): Promise<void> {
  const linker = ["-s", "-w", ...(program.variables ?? []).map((pair) => `-X ${pair.join("=")}`)].join(" ");
  const tags = program.tag ? ["-tags", program.tag] : [];
  const args = ["build", "-v", "-trimpath", ...tags, "-ldflags", linker, "-o", output, program.package];
  await go.run(step, program.folder, args, dirname(output));
}
