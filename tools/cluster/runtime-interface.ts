import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";

/** A call of gRPC over a message without fields. */
const EMPTY_MESSAGE = Buffer.from([0, 0, 0, 0, 0]);
const PATIENCE_MS = 2_000;

/**
 * Asks a container runtime by the interface that the kubelet uses (CRI). It answers later than the runtime's own, and a kubelet that
 * is started before ends at once.
 *
 * @param socket the runtime's
 * @returns why it does not answer, or undefined
 */
export async function missingRuntime(socket: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const session = connectHttp2("http://localhost", { createConnection: () => connect(socket) });
    const end = (missing: string | undefined): void => {
      session.destroy();
      resolve(missing);
    };
    session.on("error", ({ message }) => end(message));
    const stream = session.request({
      ":method": "POST",
      ":path": "/runtime.v1.RuntimeService/Version",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.setTimeout(PATIENCE_MS, () => end("no answer"));
    stream.on("error", ({ message }) => end(message));
    // A failure has no message, and its status among the first headers.
    const told = (headers: Record<string, unknown>): void => {
      const status = headers["grpc-status"];
      if (status !== undefined)
        end(status === "0" ? undefined : String(headers["grpc-message"] ?? `gRPC status ${status}`));
    };
    stream.on("response", told);
    stream.on("trailers", told);
    stream.resume();
    stream.end(EMPTY_MESSAGE);
  });
}
