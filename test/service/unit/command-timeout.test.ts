import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

import { Redis } from "ioredis";
import { afterEach, expect, it } from "vitest";

import { lookBeforeTimeout } from "../../../service/src/cache/command-timeout.ts";

const LIMIT_MS = 60;

let server: Server | undefined;
let redis: Redis | undefined;

afterEach(() => {
  redis?.disconnect();
  server?.close();
});

/** A client of a server that answers as it is told to. */
async function clientOf(answer: (write: (text: string) => void) => void): Promise<Redis> {
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      if (String(data).includes("get")) answer((text) => socket.write(text));
      else socket.write("+OK\r\n".repeat(String(data).match(/^\*/gm)?.length ?? 1));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const limits = { commandTimeout: LIMIT_MS, maxRetriesPerRequest: 0 };
  redis = new Redis({ port, host: "127.0.0.1", enableReadyCheck: false, ...limits });
  redis.on("error", () => undefined);
  await once(redis, "ready");
  lookBeforeTimeout(redis);
  return redis;
}

it("a command without an answer fails in time", async () => {
  const client = await clientOf(() => undefined);
  const begin = performance.now();
  await expect(client.get("a")).rejects.toThrow("Command timed out");
  const took = performance.now() - begin;
  expect(took).toBeGreaterThanOrEqual(LIMIT_MS - 1);
  expect(took).toBeLessThan(10 * LIMIT_MS);
});

it("an answer that has arrived counts, though this process was too busy to read it in time", async () => {
  const client = await clientOf((write) => {
    write("$1\r\n1\r\n");
    const until = performance.now() + 3 * LIMIT_MS;
    while (performance.now() < until);
  });
  expect(await client.get("a")).toBe("1");
});
