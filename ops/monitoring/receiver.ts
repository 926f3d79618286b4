import { mustRun, run } from "../../tools/process.ts";
import { containerName } from "../docker-inventory.ts";

/** One alert as Alertmanager delivered it. */
export interface Delivery {
  readonly name: string;
  readonly status: "firing" | "resolved";
  /** What Alertmanager groups it under: alerts of one group are one call. */
  readonly group: string;
  /** The message's one line. */
  readonly title: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** Name in the stack's network; a drilled stack's settings name it as a receiver. */
export const RECEIVER_HOST = "drill-receiver";
export const RECEIVER_PORT = 9095;

/**
 * Takes what Alertmanager sends to a PagerDuty-compatible address and writes one line for each alert. It runs in the API's
 * image, for that has Node.
 */
const PROGRAM = `
require("node:http").createServer((request, response) => {
  let body = "";
  request.on("data", (part) => { body += part; });
  request.on("end", () => {
    const { dedup_key: group, payload } = JSON.parse(body);
    for (const [, status, name] of payload.custom_details.alerts.matchAll(/^(FIRING|RESOLVED) (\\w+):/gm))
      console.log(JSON.stringify({ name, status: status.toLowerCase(), group, title: payload.summary, at: Date.now() }));
    response.writeHead(202).end();
  });
}).listen(${RECEIVER_PORT});
`;

/** A webhook receiver inside the stack's network, for the length of a drill. */
export class Receiver {
  readonly #container: string;

  private constructor(container: string) {
    this.#container = container;
  }

  static async start(stack: string): Promise<Receiver> {
    const container = containerName(stack, RECEIVER_HOST);
    await run("docker", ["rm", "--force", "--volumes", container]);
    const api = await mustRun("docker", [
      ...["ps", "--filter", `label=io.dujyo.stack=${stack}`, "--filter", "label=io.dujyo.part=api"],
      ...["--format", "{{.Image}}"],
    ]);
    const [image] = api.split("\n");
    if (!image) throw new Error(`the stack "${stack}" runs no API whose image could carry the receiver`);
    await mustRun("docker", [
      ...["run", "--detach", "--rm", "--name", container, "--label", `io.dujyo.stack=${stack}`],
      ...[
        "--network",
        `dujyo-${stack}`,
        "--network-alias",
        RECEIVER_HOST,
        "--read-only",
        "--cap-drop",
        "ALL",
      ],
      ...["--user", "10001:0", "--memory", "96m", "--entrypoint", "node", image, "--eval", PROGRAM],
    ]);
    return new Receiver(container);
  }

  async deliveries(): Promise<Delivery[]> {
    const text = await mustRun("docker", ["logs", this.#container]);
    return text
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Delivery);
  }

  async stop(): Promise<void> {
    await run("docker", ["rm", "--force", "--volumes", this.#container]);
  }
}
