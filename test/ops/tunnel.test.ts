import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { openTunnel } from "../../ops/tunnel.ts";
import type { Forwarding } from "../../tools/stack/kubernetes-cluster.ts";
import { writeSelfSigned } from "../support/self-signed.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A member that says its name and repeats what it is told. */
const member = (name: string) =>
  listen(
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => undefined);
      socket.write(`${name} `);
      socket.pipe(socket);
    }),
  );

/** What a client that says `hello` and no more hears until the far side has ended. */
async function hear(port: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.end("hello");
  let heard = "";
  for await (const chunk of socket) heard += String(chunk);
  return heard;
}

/** A way to a port, and how to end it. */
function way(port: number): { forwarding: Forwarding; end: () => void } {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  return { forwarding: { port, ended, close: end }, end };
}

describe("a tunnel", () => {
  it("opens its way at the first session, and leads all of them through it", async () => {
    const port = await member("first");
    let opened = 0;
    const tunnel = await openTunnel({
      open: async () => {
        opened += 1;
        return way(port).forwarding;
      },
    });
    expect(opened).toBe(0);
    expect(await Promise.all([hear(tunnel), hear(tunnel)])).toEqual(["first hello", "first hello"]);
    expect(opened).toBe(1);
  });

  it("finds another way when the first has ended, on the same port", async () => {
    const ways = [way(await member("first")), way(await member("second"))];
    const left = [...ways];
    const tunnel = await openTunnel({ open: async () => (left.shift() as (typeof ways)[0]).forwarding });
    expect(await hear(tunnel)).toBe("first hello");
    ways[0]?.end();
    expect(await hear(tunnel)).toBe("second hello");
  });

  it("breaks the session off where there is no way, and tries again at the next", async () => {
    const port = await member("late");
    let tries = 0;
    const tunnel = await openTunnel({
      open: async () => {
        tries += 1;
        if (tries === 1) throw new Error("no pod runs");
        return way(port).forwarding;
      },
    });
    await expect(hear(tunnel)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await hear(tunnel)).toBe("late hello");
  });

  it("speaks TLS to the far side for a client that does not, and lets nobody pass who can not prove a name", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dujyo-"));
    const [keyFile, certificateFile] = [join(folder, "server.key"), join(folder, "server.crt")] as const;
    await writeSelfSigned(keyFile, certificateFile, ["localhost"]);
    const [key, cert] = [readFileSync(keyFile), readFileSync(certificateFile)];
    rmSync(folder, { recursive: true });
    const port = await listen(
      createTlsServer({ cert, key, allowHalfOpen: true }, (socket) => {
        socket.on("error", () => undefined);
        socket.pipe(socket);
      }),
    );
    const through = (servername: string) =>
      openTunnel({ open: async () => way(port).forwarding, tls: { ca: cert, servername } });
    expect(await hear(await through("localhost"))).toBe("hello");
    await expect(hear(await through("postgres-0"))).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});
