import { existsSync } from "node:fs";
import { Failure } from "../../tools/failure.ts";
import { describeFailure, mustRun, run } from "../../tools/process.ts";
import { containerName } from "../docker-inventory.ts";
import type { Member } from "../inventory.ts";
import type { Injector } from "./injector.ts";
import { type ProcessName, type Signal, signalCommand } from "./processes.ts";

/** Rules of a drill stand in a chain of their own, so that they can go without touching any other. */
const CHAIN = "DUJYO-DRILL";

/**
 * How long the processes of a busy machine may take until all of them are where the kernel can hold them. With the control
 * groups of version 1 the engine gives up after half a second, and lets all of them go on.
 */
const FREEZE_SECONDS = 10;

/** Breaks members of a stack on Docker. Networks are changed from the machine itself, since members have no right to. */
export class DockerInjector implements Injector {
  readonly #stack: string;

  constructor(stack: string) {
    this.#stack = stack;
  }

  async networkObstacle(): Promise<string | undefined> {
    if (process.platform !== "linux") return "members' networks can be changed on Linux only";
    if (process.getuid?.() !== 0) return "changing a member's network needs root on this machine";
    for (const program of ["nsenter", "iptables", "tc"])
      if ((await run("which", [program])).code !== 0) return `the program ${program} is not installed`;
    return undefined;
  }

  async absenceObstacle(): Promise<undefined> {
    return undefined;
  }

  async kill(member: Member): Promise<void> {
    await mustRun("docker", ["kill", this.#container(member)]);
  }

  async start(member: Member): Promise<void> {
    await mustRun("docker", ["start", this.#container(member)]);
  }

  async freeze(member: Member): Promise<void> {
    const deadline = Date.now() + FREEZE_SECONDS * 1_000;
    const pause = ["pause", this.#container(member)];
    for (;;) {
      const result = await run("docker", pause);
      if (result.code === 0) return;
      if (!result.stderr.includes("unable to freeze") || Date.now() > deadline)
        throw new Failure(describeFailure(`docker ${pause.join(" ")}`, result));
    }
  }

  async thaw(member: Member): Promise<void> {
    // One that is not frozen is an error to the engine, and none here.
    await run("docker", ["unpause", this.#container(member)]);
  }

  async signal(member: Member, name: ProcessName, signal: Signal): Promise<void> {
    const args = ["exec", this.#container(member), ...signalCommand(name, signal)];
    // The process may have ended meanwhile, or been ended for not answering.
    if (signal === "CONT") await run("docker", args, { timeout: 10_000 });
    else await mustRun("docker", args, { timeout: 10_000 });
  }

  async cut(member: Member, peers?: readonly Member[]): Promise<void> {
    const addresses = peers && (await Promise.all(peers.map((peer) => this.#address(peer))));
    await this.#rules(
      member,
      addresses
        ? addresses.flatMap((address) => [`-s ${address} -j DROP`, `-d ${address} -j DROP`])
        : ["-i eth0 -j DROP", "-o eth0 -j DROP"],
    );
  }

  async lose(member: Member, share: number): Promise<void> {
    const lost = `-m statistic --mode random --probability ${share} -j DROP`;
    await this.#rules(member, [`-i eth0 ${lost}`, `-o eth0 ${lost}`]);
  }

  async slow(member: Member, rate: string): Promise<void> {
    await this.#inNetwork(
      member,
      `tc qdisc replace dev eth0 root tbf rate ${rate} burst 16kbit latency 2000ms`,
    );
  }

  async mend(member: Member): Promise<void> {
    const ends = ["INPUT", "OUTPUT"].map((from) => `iptables -w -D ${from} -j ${CHAIN} 2>/dev/null`);
    await this.#inNetwork(
      member,
      [...ends, `iptables -w -F ${CHAIN} 2>/dev/null`, `iptables -w -X ${CHAIN} 2>/dev/null`].join("; ") +
        "; tc qdisc del dev eth0 root 2>/dev/null; true",
    );
  }

  async healAll(members: readonly Member[]): Promise<void> {
    const permitted = (await this.networkObstacle()) === undefined;
    for (const member of members) {
      await this.thaw(member);
      await run("docker", ["start", this.#container(member)]);
      if (permitted) await this.mend(member).catch(() => undefined);
      if (member.part !== "postgres") continue;
      await this.signal(member, "patroni", "CONT");
      await this.signal(member, "postmaster", "CONT");
    }
  }

  async #rules(member: Member, rules: readonly string[]): Promise<void> {
    await this.mend(member);
    const commands = [
      `iptables -w -N ${CHAIN}`,
      ...rules.map((rule) => `iptables -w -A ${CHAIN} ${rule}`),
      `iptables -w -I INPUT -j ${CHAIN}`,
      `iptables -w -I OUTPUT -j ${CHAIN}`,
    ];
    await this.#inNetwork(member, commands.join(" && "));
  }

  /** Runs shell commands on this machine, within the network of a member. */
  async #inNetwork(member: Member, script: string): Promise<void> {
    const pid = Number(
      (await mustRun("docker", ["inspect", "--format", "{{.State.Pid}}", this.#container(member)])).trim(),
    );
    // A member that does not run has no network, and what was changed in it is gone.
    if (pid === 0 || !existsSync(`/proc/${pid}`)) return;
    await mustRun("nsenter", ["--target", String(pid), "--net", "sh", "-c", script]);
  }

  async #address(member: Member): Promise<string> {
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    return (await mustRun("docker", ["inspect", "--format", format, this.#container(member)])).trim();
  }

  #container({ name }: Member): string {
    return containerName(this.#stack, name);
  }
}
