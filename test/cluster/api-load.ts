import { request } from "node:https";
import { NAMESPACE } from "./cluster-stack.ts";
import { addressOf } from "./objects.ts";

export interface LoadReport {
  readonly answered: number;
  /** What was not answered with 200, each with when it was asked. */
  readonly failures: string[];
  /** Milliseconds. */
  readonly slowest: number;
}

export interface LoadOptions {
  /** @default 4 */
  readonly clients?: number;
  /** Milliseconds between two requests of a client: the machine has other things to do. @default 20 */
  readonly pause?: number;
  /** Of the stack that is asked. @default the first one's */
  readonly namespace?: string;
}

/** Asks a path of the API's service over a connection of its own. Throws where nobody answers. */
export function ask(host: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host, port: 8083, path, agent: false, rejectUnauthorized: false, timeout: 10_000 };
    const asked = request(options, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer within 10 s")));
    asked.on("error", reject);
    asked.end();
  });
}

/** Clients that ask for balances, each request over a new connection, and count whatever is not answered. */
export class ApiLoad {
  readonly #host: string;
  readonly #pause: number;
  readonly #failures: string[] = [];
  #answered = 0;
  #slowest = 0;
  #stopping = false;
  #done: Promise<unknown> = Promise.resolve();

  private constructor(host: string, pause: number) {
    this.#host = host;
    this.#pause = pause;
  }

  static async start({ clients = 4, pause = 20, namespace = NAMESPACE }: LoadOptions = {}): Promise<ApiLoad> {
    const self = new ApiLoad(await addressOf("api", namespace), pause);
    self.#done = Promise.all(Array.from({ length: clients }, (_, client) => self.#client(client)));
    return self;
  }

  /** Waits for `more` answers from now on. */
  async progress(more: number, seconds = 60): Promise<void> {
    const goal = this.#answered + more;
    const deadline = Date.now() + seconds * 1_000;
    while (this.#answered < goal) {
      if (Date.now() > deadline)
        throw new Error(`${this.#answered} of ${goal} answers: ${this.#failures.at(-1)}`);
      await pause(50);
    }
  }

  async stop(): Promise<LoadReport> {
    this.#stopping = true;
    await this.#done;
    return { answered: this.#answered, failures: this.#failures, slowest: Math.round(this.#slowest) };
  }

  async #client(client: number): Promise<void> {
    for (let number = 0; !this.#stopping; number += 1) {
      const started = performance.now();
      const failed = await ask(this.#host, `/balance/DU-load-${client}-${number % 50}`).then(
        ({ status, body }) => (status === 200 ? undefined : `${status} ${body}`),
        (error: Error) => error.message,
      );
      if (failed === undefined) this.#answered += 1;
      else this.#failures.push(`${new Date().toISOString()} ${failed}`);
      this.#slowest = Math.max(this.#slowest, performance.now() - started);
      await pause(this.#pause);
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
