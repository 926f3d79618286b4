import { registerHooks } from "node:module";

/** Loaded before the service: takes its measuring of requests out, to see what it costs. */
registerHooks({
  load(url, context, nextLoad) {
    return url.endsWith("/plugins/measure.ts")
      ? {
          format: "module",
          source: "export function addMeasuring() {} export function count() {}",
          shortCircuit: true,
        }
      : nextLoad(url, context);
  },
});
