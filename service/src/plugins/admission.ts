import type { ServerResponse } from "node:http";

import type { FastifyInstance } from "fastify";

import { Problem } from "../errors.ts";
import { sendProblem } from "./problems.ts";

/** Shared by the process's shutdown and the routes. */
export interface Lifecycle {
  draining: boolean;
}

export interface AdmissionArgs {
  /** Requests that may be in flight. */
  readonly limit: number;
  readonly lifecycle: Lifecycle;
  /** Whoever books what is sent to routes that write: whether so many of them are too many for one more. */
  readonly writer: { fullFor(underWay: number): boolean };
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered also when the process is overloaded: what observes it must be able to. */
    readonly always?: boolean;
    /** Needs the primary: refused while the line for it is too long, before anything else is done for it. */
    readonly writes?: boolean;
  }
}

const WRITERS_LINE = new Problem("overloaded", { detail: "too many requests wait for the primary" });

/** The requests in flight, and whether more may come. */
export class Admission {
  readonly limit: number;
  readonly #lifecycle: Lifecycle;
  readonly #writer: AdmissionArgs["writer"];
  readonly #tooMany: Problem;
  #running = 0;
  #writing = 0;

  constructor({ limit, lifecycle, writer }: AdmissionArgs) {
    this.limit = limit;
    this.#lifecycle = lifecycle;
    this.#writer = writer;
    this.#tooMany = new Problem("overloaded", { detail: `more than ${limit} requests are in flight` });
  }

  get running(): number {
    return this.#running;
  }

  /** Why another request is not let in; undefined where it is. */
  refusal(writes: boolean): Problem | undefined {
    if (this.#running >= this.limit) return this.#tooMany;
    return writes && this.#writer.fullFor(this.#writing) ? WRITERS_LINE : undefined;
  }

  get draining(): boolean {
    return this.#lifecycle.draining;
  }

  /** In flight until it is answered, or the client has gone away before. */
  enter(response: ServerResponse, writes = false): void {
    this.#running++;
    response.on("close", this.#left);
    if (!writes) return;
    this.#writing++;
    response.on("close", this.#written);
  }

  /** A read is no longer in flight, though not answered yet: somebody else takes it on. */
  leave(response: ServerResponse): void {
    if (response.closed) return;
    response.off("close", this.#left);
    this.#left();
  }

  readonly #left = (): void => {
    this.#running--;
  };

  readonly #written = (): void => {
    this.#writing--;
  };
}

/** Takes no more requests than can be answered in time, and sees keep-alive connections off while draining. */
export function addAdmission(app: FastifyInstance, admission: Admission, onRefused: () => void): void {
  app.addHook("onRequest", (request, reply, done) => {
    if (admission.draining) reply.header("connection", "close");
    const { always, writes = false } = request.routeConfig;
    const problem = always === true ? undefined : admission.refusal(writes);
    if (problem) {
      onRefused();
      sendProblem(request, reply, problem);
      return;
    }
    admission.enter(reply.raw, writes);
    done();
  });
}
