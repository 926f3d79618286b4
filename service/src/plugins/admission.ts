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
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered also when the process is overloaded: what observes it must be able to. */
    readonly always?: boolean;
  }
}

/** The requests in flight, and whether more may come. */
export class Admission {
  readonly limit: number;
  readonly #lifecycle: Lifecycle;
  #running = 0;

  constructor({ limit, lifecycle }: AdmissionArgs) {
    this.limit = limit;
    this.#lifecycle = lifecycle;
  }

  get running(): number {
    return this.#running;
  }

  get full(): boolean {
    return this.#running >= this.limit;
  }

  get draining(): boolean {
    return this.#lifecycle.draining;
  }

  /** In flight until it is answered, or the client has gone away before. */
  enter(response: ServerResponse): void {
    this.#running++;
    response.on("close", this.#left);
  }

  /** No longer in flight, though not answered yet: somebody else takes it on. */
  leave(response: ServerResponse): void {
    if (response.closed) return;
    response.off("close", this.#left);
    this.#left();
  }

  readonly #left = (): void => {
    this.#running--;
  };
}

/** Takes no more requests than can be answered in time, and sees keep-alive connections off while draining. */
export function addAdmission(app: FastifyInstance, admission: Admission, onRefused: () => void): void {
  const overloaded = new Problem("overloaded", {
    detail: `more than ${admission.limit} requests are in flight`,
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (admission.draining) reply.header("connection", "close");
    if (admission.full && request.routeConfig.always !== true) {
      onRefused();
      sendProblem(request, reply, overloaded);
      return;
    }
    admission.enter(reply.raw);
    done();
  });
}
