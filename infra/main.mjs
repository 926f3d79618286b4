// The engine is pointed at plain JavaScript; Node itself loads the TypeScript program from here on.
import "./native-stack-traces.mjs";
import "./refuse-stale-settings.ts";

export * from "./index.ts";
