import { existsSync, readFileSync } from "node:fs";
import { Failure } from "../failure.ts";
import { describeFailure, mustRun, run } from "../process.ts";
import type { Step } from "./progress.ts";

/** Whether packages can be installed here without asking: Debian or a descendant of it, and root. */
export function canInstallPackages(): boolean {
  return process.getuid?.() === 0 && isDebianLike();
}

function isDebianLike(): boolean {
  if (!existsSync("/etc/os-release")) return false;
  return debianLike(readFileSync("/etc/os-release", "utf8"));
}

/** Whether an os-release file describes Debian, Ubuntu or another descendant. */
export function debianLike(osRelease: string): boolean {
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(osRelease)?.[1] ?? "";
  return [value("ID"), ...value("ID_LIKE").split(" ")].some((id) => id === "debian" || id === "ubuntu");
}

/**
 * Installs Debian packages.
 *
 * @throws Failure with apt's last lines
 */
export async function installPackages(step: Step, packages: readonly string[]): Promise<void> {
  const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, onLine: step.line };
  // An installation that was killed half way leaves packages unpacked and not configured.
  await mustRun("dpkg", ["--configure", "-a"], options);
  const apt = ["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"];
  const fetching = { ...options, fetches: ["Debian packages"] } as const;
  // Without a network the update only warns, and the installation then knows no such package: the cause is in the former.
  const update = await run("apt-get", [...apt, "update"], fetching);
  const command = [...apt, "install", "--yes", "--no-install-recommends", ...packages];
  const install = update.code === 0 ? await run("apt-get", command, fetching) : update;
  if (install.code === 0) return;
  const both = {
    ...install,
    stdout: "",
    stderr: update.stdout + update.stderr + install.stdout + install.stderr,
  };
  throw new Failure(describeFailure(`apt-get ${command.join(" ")}`, both, fetching));
}
