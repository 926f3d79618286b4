import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { mustRun, run } from "../../tools/process.ts";

const OWNER = "io.dujyo.owner";

/** Labels of a container that must not outlive this process: who may remove it, and when. */
export function ownedLabels(scratch: string): Record<string, string> {
  const started = startOf(process.pid);
  if (started === undefined)
    throw new Error(`/proc/${process.pid}/stat can not be read; this test needs Linux`);
  return { "io.dujyo.scratch": scratch, [OWNER]: `${hostname()} ${process.pid} ${started}` };
}

/** Removes containers, with their anonymous volumes, whose owner of this host has ended without doing so. */
export async function removeLeftovers(scratch: string): Promise<void> {
  const listed = await mustRun("docker", [
    "ps",
    "--all",
    "--no-trunc",
    `--filter=label=io.dujyo.scratch=${scratch}`,
    `--filter=label=${OWNER}`,
    `--format={{.ID}} {{.Label "${OWNER}"}}`,
  ]);
  for (const line of listed.split("\n").filter(Boolean)) {
    const [id = "", host, pid, started] = line.split(" ");
    // The engine may serve other hosts and containers too, whose processes can not be seen from here.
    if (host !== hostname() || startOf(Number(pid)) === started) continue;
    const { code, stderr } = await run("docker", ["rm", "--force", "--volumes", id]);
    // Another run may be removing it as well.
    if (code !== 0 && !/no such container|already in progress/i.test(stderr)) throw new Error(stderr.trim());
  }
}

/** When the process started, in ticks since the host did: a later process of the same number has another. */
function startOf(pid: number): string | undefined {
  try {
    // The second field is a name in parentheses that may hold anything.
    return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, "").trim().split(" ")[19];
  } catch {
    return undefined;
  }
}
