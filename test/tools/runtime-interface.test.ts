import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { missingRuntime } from "../../tools/cluster/runtime-interface.ts";

let folder: string;
let socket: string;
let server: Http2Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dujyo-runtime-"));
  socket = join(folder, "socket");
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function answer(how: (stream: ServerHttp2Stream, path: string) => void): Promise<void> {
  const started = createServer().on("stream", (stream, headers) => how(stream, String(headers[":path"])));
  server = started;
  await new Promise<void>((resolve) => started.listen(socket, resolve));
}

const GRPC = { ":status": 200, "content-type": "application/grpc" };

it("misses nothing where the runtime answers the kubelet's question", async () => {
  let asked = "";
  await answer((stream, path) => {
    asked = path;
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
  });
  expect(await missingRuntime(socket)).toBeUndefined();
  expect(asked).toBe("/runtime.v1.RuntimeService/Version");
});

it("says why the runtime does not answer it yet", async () => {
  await answer((stream) =>
    stream.respond(
      { ...GRPC, "grpc-status": "2", "grpc-message": "server is not initialized yet" },
      { endStream: true },
    ),
  );
  expect(await missingRuntime(socket)).toBe("server is not initialized yet");
});

it("says that nobody listens", async () => {
  expect(await missingRuntime(socket)).toContain("ENOENT");
});
