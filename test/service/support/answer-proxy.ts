import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server that can lose answers. Bytes pass as they are, TLS included. */
export class AnswerProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #swallowing = false;
  #refusing = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Listens on a free port of the loopback interface. */
  static async start(host: string, port: number): Promise<AnswerProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new AnswerProxy(server);
    server.on("connection", (client) => proxy.#join(client, connect({ host, port, noDelay: true })));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  #join(client: Socket, upstream: Socket): void {
    const pair = [client, upstream] as const;
    this.#pairs.add(pair);
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => {
      if (!this.#swallowing) client.write(bytes);
    });
    for (const socket of pair) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        for (const each of pair) each.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#refusing) client.destroy();
  }

  /** From now on requests arrive, and their answers do not. */
  swallow(): void {
    this.#swallowing = true;
  }

  /** Lets no new connection through, until {@link heal}. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Ends all connections. @param refuse new ones too, until {@link heal}. */
  cut(refuse: boolean): void {
    this.#refusing = refuse;
    this.#swallowing = false;
    for (const [client, upstream] of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
  }

  heal(): void {
    this.#refusing = false;
    this.#swallowing = false;
  }

  async stop(): Promise<void> {
    this.cut(true);
    this.#server.close();
    await once(this.#server, "close");
  }
}
