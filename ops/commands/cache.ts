import { Failure } from "../../tools/failure.ts";
import { flushPrefix } from "../cache/flush.ts";
import { redisClient } from "../cache/redis-client.ts";
import { defineCommand } from "../define-command.ts";
import { Refusal } from "../refusal.ts";

interface Options {
  readonly prefix: string;
}

/** All keys of this stack begin with it; the client's own right ends there, too. */
const OWN = "dujyo:";

export const command = defineCommand<Options>({
  usage: "cache <action>",
  summary:
    'Removes cached entries by the beginning of their keys (action "flush"). Reads go on, from the database first.',
  changes: true,
  examples: [
    ["cache flush --prefix 'dujyo:{DU1}:'", "all entries of the account DU1"],
    ["cache flush --prefix dujyo: --dry-run", "how many entries there are, by primary"],
  ],
  options: (command) =>
    command.requiredOption("--prefix <text>", `beginning of the keys; has to begin with ${OWN}`),
  run: async ({ stack, args: [action], options: { prefix }, dryRun }) => {
    if (action !== "flush") throw new Refusal(`There is no action "${action}"; there is "flush".`);
    if (!prefix.startsWith(OWN))
      throw new Refusal(
        `--prefix is "${prefix}"; keys of this stack begin with "${OWN}", write for example "${OWN}{DU1}:".`,
      );
    const client = redisClient(await stack.connection(), "operator");
    try {
      const counts = await flushPrefix(client, prefix, !dryRun);
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      const rows = Object.entries(counts).map(([node, count]) => `  ${node}  ${count}`);
      return {
        text: [`${total} entries ${dryRun ? "would be removed" : "removed"}:`, ...rows].join("\n"),
        data: { prefix, total, by_primary: counts },
      };
    } catch (error) {
      throw new Failure(
        `Redis does not answer as it should (${(error as Error).message}); see "npm run ops -- status".`,
      );
    } finally {
      client.disconnect();
    }
  },
});
