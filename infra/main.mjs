// The engine is pointed at plain JavaScript; Node itself loads the TypeScript program from here on.
import "./native-stack-traces.mjs";

export * from "./index.ts";
