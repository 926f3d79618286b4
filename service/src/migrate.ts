import { migrate } from "./migrate/runner.ts";
import { connectToPrimary } from "./migrate/session.ts";
import { readMigrationSettings } from "./migrate/settings.ts";

function log(event: string, facts: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...facts })}\n`);
}

try {
  const settings = readMigrationSettings(process.env);
  const client = await connectToPrimary(settings);
  try {
    await migrate(client, settings, log);
  } finally {
    await client.end();
  }
} catch (error) {
  log("failed", { error: (error as Error).message });
  process.exitCode = 1;
}
