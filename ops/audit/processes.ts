import { readdirSync, readFileSync } from "node:fs";
import { CanNotAsk } from "./check.ts";
import { type Container, memberOf } from "./scene.ts";

/** A process of a container, as this machine's kernel shows it. */
export interface ContainerProcess {
  readonly member: string;
  /** A file of it below /proc, one byte a character; empty where it has ended meanwhile. */
  read(file: "environ" | "cmdline" | "comm"): string;
}

/** All processes of containers. @throws CanNotAsk where the kernel is another machine's, or tells this user nothing */
export function processesOf(containers: readonly Container[]): ContainerProcess[] {
  const groups = new Map(containers.map((container) => [groupOf(container.State.Pid), memberOf(container)]));
  if (groups.has(undefined))
    throw new CanNotAsk(
      "the containers' processes are not in this machine's /proc, or not readable to this user",
    );
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid): ContainerProcess[] => {
      const member = groups.get(groupOf(Number(pid)));
      return member === undefined ? [] : [{ member, read: (file) => read(pid, file) }];
    });
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}

/** What tells processes of one container from others: the identity in the name of its control group. */
function groupOf(pid: number): string | undefined {
  try {
    return /^NSpid:\s+\d+\s+\d+/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
      ? (/[0-9a-f]{64}/.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[0] ?? undefined)
      : undefined;
  } catch {
    return undefined;
  }
}
