import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";

const SCRIPT = new URL("../../tools/stack/end-with-engine.mjs", import.meta.url).href;
/** A program that would run for ever. */
const PROGRAM = "setInterval(() => undefined, 1000); console.log('runs')";

describe("a process of the engine", () => {
  const children: ChildProcess[] = [];
  const engines: Server[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    for (const engine of engines.splice(0)) engine.close();
  });

  async function start(program: string, ...args: string[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, [`--import=${SCRIPT}`, "--eval", program, "--", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    await once(child.stdout as NodeJS.ReadableStream, "data");
    return child;
  }

  async function listen(): Promise<{ server: Server; address: string }> {
    const server = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    engines.push(server);
    await once(server, "listening");
    return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it("ends when the engine is gone, and not before", async () => {
    const { address: languageHost } = await listen();
    const { server: engine, address } = await listen();
    const child = await start(PROGRAM, "--monitor", languageHost, "--engine", address);
    // It has looked, found the engine there, and gone on.
    await once(engine, "connection");
    await once(engine, "connection");
    expect(child.exitCode).toBeNull();
    // Its language host is still there.
    engine.close();
    const [code] = await once(child, "exit");
    expect(code).toBe(1);
  });

  it("ends when nobody reads what it reports", async () => {
    // As the program's own start does: whatever is not caught is reported.
    const reporting = "process.on('uncaughtException', (error) => console.error(error.stack))";
    const child = await start(`${reporting}; ${PROGRAM}; setInterval(() => { throw new Error() }, 50)`);
    child.stderr?.destroy();
    expect(await once(child, "exit")).toEqual([1, null]);
  });

  it("is left alone where it has no engine", async () => {
    const child = await start(PROGRAM, "--stack", "dev");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
  });
});
