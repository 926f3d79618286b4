import { runOnRepository } from "../backup/repository.ts";
import { defineCommand } from "../define-command.ts";

/** What a trial that succeeded compared. */
interface Proved {
  readonly backup: string;
  /** Highest sealed block of the restored ledger. */
  readonly height: number;
  readonly blocks: number;
  /** SHA-256 over the hashes of all of them, hexadecimal; the primary's is the same. */
  readonly digest: string;
  /** Highest sealed block of the primary when they were compared. */
  readonly primary_height: number;
  readonly seconds: number;
}

/** All that there is is read and written once; a day is beyond any ledger. */
const SECONDS = 86_400;

export const command = defineCommand({
  usage: "restore-drill",
  summary:
    "Restores the newest backup and all archived WAL into an instance that is thrown away, and compares its ledger with the " +
    "primary's: the hash of every sealed block, and everything in it with those hashes. Nothing of the stack is touched.",
  changes: false,
  examples: [
    ["restore-drill", "ends with what was compared; exit code 0 only if all is equal"],
    ["restore-drill --json", "the same as JSON"],
  ],
  run: async ({ stack, say }) => {
    say("restoring the newest backup on trial");
    const proved = await runOnRepository<Proved>(stack, ["restore-drill"], SECONDS);
    return {
      text:
        `${proved.backup} is good: ${proved.blocks} blocks up to height ${proved.height} have the primary's hashes ` +
        `(it is at ${proved.primary_height}), and the ledger agrees with them. It took ${proved.seconds} s.`,
      data: proved,
    };
  },
});
