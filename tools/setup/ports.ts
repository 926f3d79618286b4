import { createServer } from "node:net";
import type { PublishedPort } from "../../infra/ports.ts";
import { Failure } from "../failure.ts";

/**
 * Refuses to start when a port that the stack publishes is somebody else's.
 *
 * @param wanted what the settings publish on 127.0.0.1
 * @param own ports that the stack's own containers hold
 * @throws Failure with every taken port and the way out
 */
export async function refuseTakenPorts(
  wanted: readonly PublishedPort[],
  own: ReadonlySet<number>,
): Promise<void> {
  const foreign = wanted.filter(({ port }) => !own.has(port));
  const free = await Promise.all(foreign.map(({ port }) => isFree(port)));
  const taken = foreign.filter((_, index) => !free[index]);
  if (taken.length === 0) return;
  throw new Failure(
    `Ports of 127.0.0.1 that the stack needs are taken: ${taken.map(({ part, port }) => `${port} (${part})`).join(", ")}. ` +
      "Nothing was created. End the programs that listen there, or move all ports of the stack: " +
      '"dujyo:portOffset: 10000" under "config:" in the stack file.',
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Ports below 1024 may be refused to this user although they are free; the engine publishes them all the same.
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    server.listen({ port, host: "127.0.0.1" }, () => server.close(() => resolve(true)));
  });
}
