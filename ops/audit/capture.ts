import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CanNotAsk } from "./check.ts";
import { networkOf, type Scene } from "./scene.ts";

/** What a capture of the stack's network found. */
export interface Captured {
  /** Segments with a payload. */
  readonly packets: number;
  /** Packets that came faster than they were looked at. */
  readonly dropped: number;
  /** Ports that took part. */
  readonly ports: readonly number[];
  /** Name of what was found in clear, and the two ends, `172.30.17.2:5432`. */
  readonly found: readonly (readonly [name: string, from: string, to: string])[];
}

/**
 * Reads the stack's network while `traffic` runs and looks for texts in it. A container of PostgreSQL's own image does it,
 * in the machine's network and with the right to read packets alone.
 *
 * @param needles texts by name; they reach the container through its standard input
 * @throws CanNotAsk where the engine or the kernel does not let it read packets
 */
export async function capture(
  { containers }: Pick<Scene, "containers">,
  needles: Readonly<Record<string, string>>,
  traffic: () => Promise<void>,
): Promise<Captured> {
  const image = containers.find(({ Config }) => Config.Labels["io.dujyo.part"] === "postgres")?.Image ?? "";
  const child = spawn(
    "docker",
    [
      ...["run", "--rm", "--interactive", "--network", "host", "--user", "0", "--read-only"],
      ...["--cap-drop", "ALL", "--cap-add", "NET_RAW", "--security-opt", "no-new-privileges:true"],
      ...[
        "--entrypoint",
        "python3",
        image,
        "-c",
        readFileSync(join(import.meta.dirname, "capture.py"), "utf8"),
      ],
    ],
    { stdio: "pipe" },
  );
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    child.stdin.write(`${JSON.stringify({ network: networkOf(containers), needles })}\n`);
    if ((await lines.next()).value !== "ready")
      throw new CanNotAsk(`no packets can be read here: ${complaint.trim().split("\n").at(-1)}`);
    await traffic();
    child.stdin.end();
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`the capture ended early: ${complaint.trim()}`);
    return JSON.parse(value) as Captured;
  } finally {
    child.stdin.destroy();
  }
}
