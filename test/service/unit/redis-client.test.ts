import { once } from "node:events";

import type { Redis } from "ioredis";
import { expect, it } from "vitest";

import { connectRedis } from "../../../service/src/cache/redis-client.ts";
import type { ServiceConfig } from "../../../service/src/config.ts";

it("a connection to Redis begins with the password of that moment", async () => {
  let password = "one";
  const redis = {
    // Nobody listens on it.
    nodes: [{ host: "127.0.0.1", port: 1 }],
    user: "app",
    password: () => password,
    ca: "",
    addressMap: {},
    connectionsPerNode: 1,
    connectTimeoutMs: 1_000,
    commandTimeoutMs: 200,
  };
  const client = connectRedis(
    { redis, instance: "test" } as unknown as ServiceConfig,
    "cache",
    () => undefined,
  );
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
