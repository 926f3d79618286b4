import { join } from "node:path";
import type { Comparison } from "../comparison.ts";
import { HttpServer, stopAll } from "../servers.ts";

const ACCOUNTS = 1_000;
const HOOK = join(import.meta.dirname, "../servers/without-measuring.mjs");

export const measuring: Comparison = {
  name: "p12",
  title: "Metrics and logs on, against off",
  load: `wrk, 64 connections, one request at a time on each, ${ACCOUNTS} addresses in turn, all in the process's own cache; no writes. "off" is the service without its hook that counts and times requests, and with a silent log.`,
  goals: [
    {
      ...{ what: "throughput with metrics and logs / without", figure: "perSecond" },
      ...{ of: "on", against: "off", bound: { atLeast: 0.95 } },
    },
  ],
  async prepare(stack) {
    const paths = (await stack.accounts(ACCOUNTS)).map((address) => `/balance/${address}`);
    const on = await HttpServer.api(stack, { INSTANCE: "bench-on" });
    const off = await HttpServer.api(stack, { INSTANCE: "bench-off", LOG_LEVEL: "silent" }, [
      "--import",
      HOOK,
    ]);
    return {
      variants: [on.variantFrom("l1", "on", stack, paths), off.variantFrom("l1", "off", stack, paths)],
      stop: () => stopAll([on, off]),
    };
  },
};
