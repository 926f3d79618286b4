import { spawn } from "node:child_process";
import { join } from "node:path";
import { Command } from "commander";
import { runCommand } from "../tools/failure.ts";
import { ROOT } from "../tools/layout.ts";
import { pulumiEnvironment } from "../tools/stack/local-state.ts";
import { readConnection } from "./connection-store.ts";
import { serviceEnvironment } from "./service-environment.ts";

const command = new Command("dev")
  .description(
    "Runs the API from its sources against the running stack and starts it again when a file changes.",
  )
  .option("--port <port>", "where it listens; the stack's own instances keep theirs", "8084")
  .option("--stack <name>", "which stack", "dev");

await runCommand(async () => {
  const { port, stack } = command.parse().opts<{ port: string; stack: string }>();
  const connection = await readConnection(stack, pulumiEnvironment(stack));
  const own = {
    HOST: "127.0.0.1",
    PORT: port,
    INSTANCE: "local",
    ADMIN_AUTH: "off",
    // No balancer has to notice that it goes.
    DRAIN_DELAY_MS: "0",
  };
  const child = spawn(process.execPath, ["--watch", join(ROOT, "service/src/server.ts")], {
    stdio: "inherit",
    env: { ...process.env, ...serviceEnvironment(stack, connection), ...own },
  });
  // However this process ends, the port is free again.
  process.on("exit", () => child.kill());
  return new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
});
