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

  async function start(...args: string[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, [`--import=${SCRIPT}`, "--eval", PROGRAM, "--", ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    await once(child.stdout as NodeJS.ReadableStream, "data");
    return child;
  }

  it("ends when the engine is gone, and not before", async () => {
    const engine = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    engines.push(engine);
    await once(engine, "listening");
    const child = await start("--monitor", `127.0.0.1:${(engine.address() as AddressInfo).port}`);
    // It has looked, found the engine there, and gone on.
    await once(engine, "connection");
    await once(engine, "connection");
    expect(child.exitCode).toBeNull();
    engine.close();
    const [code] = await once(child, "exit");
    expect(code).toBe(1);
  });

  it("is left alone where it has no engine", async () => {
    const child = await start("--stack", "dev");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
  });
});
