import { existsSync } from "node:fs";
import { mustRun, run } from "../../tools/process.ts";
import { CanNotAsk } from "./check.ts";
import type { AskFrom } from "./foreign-network.ts";
import { type Container, memberOf } from "./scene.ts";

const NAME = /^dujyo-foreign-(\d+)$/;

/** Image of the stack in which a program for Node runs. @throws CanNotAsk where the stack has no API */
export function programImage(containers: readonly Container[]): string {
  const api = containers.find((container) => memberOf(container).startsWith("api-"));
  if (api === undefined)
    throw new CanNotAsk("there is no container of the API, whose image the question runs in");
  return api.Image;
}

/** Asks from a container of its own on a network of the engine's. */
export function askFromContainer(image: string, network: string): AskFrom {
  return async (places) => {
    const confined = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"];
    const answers = await mustRun(
      "docker",
      [
        ...["run", "--rm", "--interactive", "--network", network, "--user", "10001", ...confined],
        ...["--volume", `${import.meta.dirname}:/audit:ro`, "--entrypoint", "node", image],
        "/audit/ask-listeners.ts",
      ],
      { input: JSON.stringify(places) },
    );
    return (JSON.parse(answers) as string[]).map((answer) => Buffer.from(answer, "base64"));
  };
}

/**
 * Does `work` with a network beside the stack's, and a container on it: somebody else's of the same engine.
 *
 * @param work gets the machine's address on that network, under which the container would reach what is published there
 */
export async function withForeignContainer<T>(
  image: string,
  work: (ask: AskFrom, machine: string) => Promise<T>,
): Promise<T> {
  await removeLeftovers();
  const network = `dujyo-foreign-${process.pid}`;
  await mustRun("docker", ["network", "create", network]);
  try {
    const format = "{{(index .IPAM.Config 0).Gateway}}";
    const machine = (await mustRun("docker", ["network", "inspect", "--format", format, network])).trim();
    return await work(askFromContainer(image, network), machine);
  } finally {
    await mustRun("docker", ["network", "rm", network]);
  }
}

/** What runs left that were killed; those of live ones stay. */
async function removeLeftovers(): Promise<void> {
  const names = await mustRun("docker", ["network", "ls", "--format", "{{.Name}}"]);
  for (const name of names.split("\n")) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await run("docker", ["network", "rm", name]);
  }
}
