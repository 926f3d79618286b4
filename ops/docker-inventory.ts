import { mustRun, type Result, run } from "../tools/process.ts";
import type { LogOptions, Member } from "./inventory.ts";
import type { Platform } from "./platform.ts";

/** The name that the program gives to the container of a stack's member. */
export function containerName(stack: string, member: string): string {
  return `dujyo-${stack}-${member}`;
}

/** Members are found by the labels that the program puts on their containers. */
export class DockerInventory implements Platform {
  readonly #stack: string;

  constructor(stack: string) {
    this.#stack = stack;
  }

  async members(): Promise<Member[]> {
    const filters = [`label=io.dujyo.stack=${this.#stack}`, "label=io.dujyo.member"];
    const columns = ["part", "member", "address"].map((label) => `{{.Label "io.dujyo.${label}"}}`);
    const answer = await mustRun("docker", [
      ...["container", "ls", "--all", ...filters.flatMap((filter) => ["--filter", filter])],
      ...["--format", ["{{.State}}", ...columns].join("\t")],
    ]);
    return answer
      .split("\n")
      .filter((line) => line !== "")
      .map(parseRow)
      .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  }

  exec(member: Member, command: readonly string[], timeout: number): Promise<Result> {
    return run("docker", ["exec", containerName(this.#stack, member.name), ...command], { timeout });
  }

  logs(member: Member, { tail, follow }: LogOptions, onLine: (line: string) => void): Promise<Result> {
    const options = ["--tail", String(tail), ...(follow ? ["--follow"] : [])];
    const container = containerName(this.#stack, member.name);
    return run("docker", ["logs", ...options, container], { onLine, discard: true });
  }

  async restart(member: Member, grace: number): Promise<void> {
    await mustRun("docker", ["restart", "--time", String(grace), containerName(this.#stack, member.name)]);
  }
}

function parseRow(line: string): Member {
  const [state = "", part = "", name = "", address = ""] = line.split("\t");
  return { name, part, state, running: state === "running", ...(address && { address }) };
}
