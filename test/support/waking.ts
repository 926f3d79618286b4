import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const TURNS = 100;
const SLEEP_MS = 20;
const MESSAGE = "x".repeat(200);

/**
 * Milliseconds of processor time that it costs this machine to wake up for something small: a process sleeps, sends itself a
 * message over the loopback interface, and reads it. On a virtual machine that depends on what its host does meanwhile.
 */
export async function costOfWaking(): Promise<number> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect(port, "127.0.0.1");
  try {
    await once(client, "connect");
    const before = process.cpuUsage();
    for (let turn = 0; turn < TURNS; turn++) {
      await pause(SLEEP_MS);
      client.write(MESSAGE);
      await once(client, "data");
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000 / TURNS;
  } finally {
    client.destroy();
    server.close();
  }
}
