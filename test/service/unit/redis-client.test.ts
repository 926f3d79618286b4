import { once } from "node:events";

import type { Redis } from "ioredis";
import { expect, it, vi } from "vitest";

import { connectRedis, type ScriptedRedis } from "../../../service/src/cache/redis-client.ts";
import type { ServiceConfig } from "../../../service/src/config.ts";

/** A client of a cluster that is not there. */
function connect(changed: object): ScriptedRedis {
  const redis = {
    // Nobody listens on it.
    nodes: [{ host: "127.0.0.1", port: 1 }],
    user: "app",
    password: () => "one",
    ca: "",
    addressMap: {},
    connectionsPerNode: 1,
    connectTimeoutMs: 1_000,
    commandTimeoutMs: 200,
    ...changed,
  };
  return connectRedis({ redis, instance: "test" } as unknown as ServiceConfig, "cache", () => undefined);
}

it("a connection to Redis begins with the password of that moment", async () => {
  let password = "one";
  const client = connect({ password: () => password });
  try {
    const [node] = (await once(client, "+node")) as [Redis];
    expect(node.options.password).toBe("one");
    password = "two";
    expect(node.options.password).toBe("two");
    // As the client itself does for its look at the slots, and for a subscription.
    expect(node.duplicate({ lazyConnect: true }).options.password).toBe("two");
  } finally {
    client.disconnect();
  }
});

it("a redirection leads to where the node that it names is reached", () => {
  const client = connect({ addressMap: { "redis-4:6383": { host: "localhost", port: 19483 } } });
  try {
    const moved = vi.fn();
    const handlers = { moved } as unknown as Parameters<typeof client.handleError>[2];
    client.handleError(new Error("MOVED 3 redis-4:6383"), {}, handlers);
    client.handleError(new Error("MOVED 4 redis-5:6384"), {}, handlers);
    expect(moved.mock.calls).toEqual([
      [3, "localhost:19483"],
      [4, "redis-5:6384"],
    ]);
  } finally {
    client.disconnect();
  }
});
