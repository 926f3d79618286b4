import { createServer } from "node:net";
import { type ImageName, imageRef, OPTIONAL_IMAGES } from "../../infra/images.ts";
import { type PublishedPort, publishedPorts } from "../../infra/ports.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { isPresent } from "../../infra/targets/docker/local-images.ts";
import { Failure } from "../failure.ts";

/**
 * Ports that a stack will publish on 127.0.0.1. A part whose image can not be had is left out, and its port may be anybody's.
 *
 * @param present whether the engine holds an image. @default asks it
 */
export function wantedPorts(
  settings: Settings,
  present: (reference: string) => boolean = isPresent,
): PublishedPort[] {
  return publishedPorts(settings).filter(({ part }) => {
    const image = part as ImageName;
    return !OPTIONAL_IMAGES.has(image) || present(imageRef(image));
  });
}

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
