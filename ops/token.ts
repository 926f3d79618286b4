import { Command } from "commander";
import { runCommand } from "../tools/failure.ts";
import { pulumiEnvironment } from "../tools/stack/local-state.ts";
import { bearerToken, type TokenRequest } from "./bearer-token.ts";
import { readConnection } from "./connection-store.ts";

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

interface Options extends TokenRequest {
  readonly stack: string;
}

await runCommand(async () => {
  const { stack, ...request } = command.parse().opts<Options>();
  const connection = await readConnection(stack, pulumiEnvironment(stack));
  process.stdout.write(`${await bearerToken(stack, connection, request)}\n`);
  return 0;
});
