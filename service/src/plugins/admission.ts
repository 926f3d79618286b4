import type { FastifyInstance } from "fastify";

import { Problem } from "../errors.ts";
import { sendProblem } from "./problems.ts";

/** Shared by the process's shutdown and the routes. */
export interface Lifecycle {
  draining: boolean;
}

export interface AdmissionArgs {
  readonly inFlight: number;
  readonly lifecycle: Lifecycle;
  readonly onRefused: () => void;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered also when the process is overloaded: what observes it must be able to. */
    readonly always?: boolean;
  }
}

/** Takes no more requests than can be answered in time, and sees keep-alive connections off while draining. */
export function addAdmission(
  app: FastifyInstance,
  { inFlight, lifecycle, onRefused }: AdmissionArgs,
): () => number {
  let running = 0;
  const leave = (): void => {
    running--;
  };
  const overloaded = new Problem("overloaded", { detail: `more than ${inFlight} requests are in flight` });
  app.addHook("onRequest", (request, reply, done) => {
    if (lifecycle.draining) reply.header("connection", "close");
    if (running >= inFlight && request.routeConfig.always !== true) {
      onRefused();
      sendProblem(request, reply, overloaded);
      return;
    }
    running++;
    // Also when the client went away before the answer was complete.
    reply.raw.on("close", leave);
    done();
  });
  return () => running;
}
