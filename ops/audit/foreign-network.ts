import { existsSync } from "node:fs";
import { join } from "node:path";
import { mustRun, run } from "../../tools/process.ts";
import { CanNotAsk } from "./check.ts";
import type { Listener } from "./listeners.ts";

/** Asks ports from a machine that is not this one, and tells what each answers; empty where it gives no answer. */
export type AskFrom = (places: readonly Listener[]) => Promise<Buffer[]>;

const NAME = /^dujyo-(\d+)\b/;

/**
 * Does `work` with a machine of its own on a link with this one: a name space of the kernel's, whose packets to the stack's
 * network go through this machine as a neighbour's on a shared network would.
 *
 * @param network first three numbers and the last of an IPv4 /30, such as "198.51.100.4": this machine gets the address
 *   after it, the other one the next
 * @throws CanNotAsk where this user may make no name spaces
 */
export async function withForeignNetwork<T>(network: string, work: (ask: AskFrom) => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) throw new CanNotAsk("a network name space of its own takes root on Linux");
  await removeLeftovers();
  const name = `dujyo-${process.pid}`;
  const ip = (line: string) => mustRun("ip", line.split(" "));
  const address = (distance: number) => network.replace(/\d+$/, (last) => String(Number(last) + distance));
  const made = await run("ip", ["netns", "add", name]);
  if (made.code !== 0) throw new CanNotAsk(`ip netns add: ${made.stderr.trim()}`);
  try {
    await ip(`link add dj${process.pid} type veth peer name uplink netns ${name}`);
    await ip(`address add ${address(1)}/30 dev dj${process.pid}`);
    await ip(`link set dj${process.pid} up`);
    await ip(`-netns ${name} address add ${address(2)}/30 dev uplink`);
    await ip(`-netns ${name} link set uplink up`);
    await ip(`-netns ${name} route add default via ${address(1)}`);
    return await work(async (places) => {
      const asking = [process.execPath, join(import.meta.dirname, "ask-listeners.ts")];
      const answers = await mustRun("ip", ["netns", "exec", name, ...asking], {
        input: JSON.stringify(places),
      });
      return (JSON.parse(answers) as string[]).map((answer) => Buffer.from(answer, "base64"));
    });
  } finally {
    // With the name space goes its end of the link, and with that the other one.
    await ip(`netns delete ${name}`);
  }
}

/** What runs left that were killed; those of live ones stay. */
async function removeLeftovers(): Promise<void> {
  const { stdout } = await run("ip", ["netns", "list"]);
  for (const line of stdout.split("\n")) {
    const [name, pid] = NAME.exec(line) ?? [];
    if (name !== undefined && !existsSync(`/proc/${pid}`)) await run("ip", ["netns", "delete", name]);
  }
}
