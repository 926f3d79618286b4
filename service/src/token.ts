import { parseArgs } from "node:util";

import { readTokenConfig } from "./config.ts";
import { signToken } from "./sign-token.ts";

const USAGE = "usage: token --address ADDRESS [--scope admin] [--ttl SECONDS]";

/** Prints a token for an address. The private key never leaves its file. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      address: { type: "string" },
      scope: { type: "string" },
      ttl: { type: "string", default: "3600" },
    },
  });
  const ttl = Number(values.ttl);
  if (!values.address || !/^[A-Za-z0-9_-]{1,64}$/.test(values.address)) {
    throw new Error(`--address has to be 1 to 64 letters, digits, _ or -\n${USAGE}`);
  }
  if (!Number.isInteger(ttl) || ttl < 1)
    throw new Error(`--ttl is "${values.ttl}"; it has to be seconds, at least 1\n${USAGE}`);
  const { address, scope } = values;
  const token = await signToken(readTokenConfig(), { address, scope, ttl });
  process.stdout.write(`${token}\n`);
}

await main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
