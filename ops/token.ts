import { spawn } from "node:child_process";
import { join } from "node:path";
import { Command } from "commander";
import { runCommand } from "../tools/failure.ts";
import { ROOT } from "../tools/layout.ts";
import { pulumiEnvironment } from "../tools/stack/local-state.ts";
import { readConnection, writeConnectionFiles } from "./connection-store.ts";

const command = new Command("token")
  .description("Prints a bearer token for the API.")
  .requiredOption("--address <address>", "the account that the token acts for")
  .option("--scope <scope>", '"admin" opens the admin routes')
  .option("--ttl <seconds>", "life of the token", "3600")
  .option("--stack <name>", "which stack", "dev")
  .addHelpText(
    "after",
    '\nExample: curl -H "Authorization: Bearer $(npm run --silent token -- --address DU1)" ...',
  );

interface Options {
  readonly address: string;
  readonly scope?: string;
  readonly ttl: string;
  readonly stack: string;
}

/** The service's own tool makes the token, with the stack's key. */
async function token({ address, scope, ttl, stack }: Options): Promise<number> {
  const folder = writeConnectionFiles(stack, await readConnection(stack, pulumiEnvironment(stack)));
  const args = ["--address", address, "--ttl", ttl, ...(scope ? ["--scope", scope] : [])];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, "service/src/token.ts"), ...args], {
      stdio: "inherit",
      env: { ...process.env, AUTH_SIGNING_KEY_FILE: join(folder, "api-signing-key.json") },
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

await runCommand(() => token(command.parse().opts<Options>()));
