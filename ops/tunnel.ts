import { connect, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { Failure } from "../tools/failure.ts";
import type { Forwarding } from "../tools/stack/kubernetes-cluster.ts";

const LOOPBACK = "127.0.0.1";

export interface TunnelArgs {
  /** Opens a way in: at the first session, and again at the first one after it has ended. */
  readonly open: () => Promise<Forwarding>;
  /**
   * How the far side is verified, and what is shown to it, where it speaks TLS and clients on this machine do not.
   * @default what clients say is passed on as it is
   */
  readonly tls?: ConnectionOptions;
}

/**
 * Opens a port of this machine's loopback interface that leads into a cluster for as long as this process runs. It stays the
 * same when what is behind it is replaced: sessions end then, as with any endpoint, and new ones find the next way in. It does
 * not keep the process running.
 *
 * @returns the port
 */
export async function openTunnel({ open, tls }: TunnelArgs): Promise<number> {
  let way: Promise<Forwarding> | undefined;
  const wayIn = (): Promise<Forwarding> => {
    if (way === undefined) {
      const opening = open();
      const forget = () => {
        if (way === opening) way = undefined;
      };
      opening.then(({ ended }) => ended.then(forget), forget);
      way = opening;
    }
    return way;
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on("error", () => undefined);
    wayIn().then(
      ({ port }) => join(client, port, tls),
      () => client.resetAndDestroy(),
    );
  });
  server.unref();
  return listening(server);
}

function join(client: Socket, port: number, tls: ConnectionOptions | undefined): void {
  const where = { host: LOOPBACK, port, allowHalfOpen: true };
  const far = tls ? connectTls({ ...where, ...tls }) : connect(where);
  // What one side does, the other one does as well: say its last word, or break off.
  far.on("error", () => client.resetAndDestroy());
  // Whoever waits for an answer keeps the process running; one that only keeps its session does not.
  for (const socket of [client, far]) socket.unref();
  pipeline(client, far, client, () => undefined);
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, LOOPBACK, () => {
      const address = server.address();
      if (address === null || typeof address === "string")
        reject(
          new Failure("No port of the loopback interface is free; end programs that hold many, and repeat."),
        );
      else resolve(address.port);
    });
  });
}
