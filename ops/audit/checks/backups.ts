import { STANZA } from "../../../infra/components/backup/names.ts";
import { type Answer, CanNotAsk, type Check } from "../check.ts";

const REPOSITORY = "/var/lib/dujyo/repository";
/**
 * One line for each repository by pgBackRest's own account, and one for each file by what a file begins with that was
 * enciphered. Bundles have no such beginning: their parts are enciphered without it, which the account alone tells. Of a
 * repository in a bucket it looks at the two files that all others are found by, and does not fetch the rest.
 */
const LOOK = `pgbackrest info --output=json | grep -o '"cipher":"[^"]*"' | sort -u | sed 's/.*none.*/clear by its own account/; t; s/.*/cipher/'
if grep -q '^repo1-type=s3' "$PGBACKREST_CONFIG"; then
  for f in archive/${STANZA}/archive.info backup/${STANZA}/backup.info; do
    pgbackrest --log-level-console=off repo-get --raw "$f" >/tmp/look || exit
    [ "$(head -c 8 /tmp/look)" = Salted__ ] && echo cipher || echo "clear $f"
  done
  exit
fi
cd ${REPOSITORY} && find . -type f -size +0c ! -path '*/bundle/*' -exec sh -c \
  'for f; do [ "$(head -c 8 "$f" | tr -d "\\0")" = Salted__ ] && echo cipher || echo "clear $f"; done' look {} +`;

/** Offences of lines, each about the whole repository or a file of it: `cipher`, or `clear` and what is. */
export function judgeRepository(lines: readonly string[]): Answer {
  return {
    asked: lines.length,
    offences: lines
      .filter((line) => line !== "cipher")
      .map((line) => `${line.slice("clear ".length)}: the repository is in clear`),
    evidence: `${lines.length - 1} files of the repository, and its own account`,
  };
}

export const BACKUPS: readonly Check[] = [
  {
    id: "data/backups",
    title: "Backups and archived WAL lie in cipher",
    ask: async ({ members, exec }) => {
      const host = members.find(({ part }) => part === "backup");
      if (!host) throw new CanNotAsk("this stack takes no backups");
      const { code, stdout, stderr } = await exec(host.name, ["sh", "-c", LOOK]);
      if (code !== 0) throw new Error(`${host.name}: ${stderr.trim()}`);
      return judgeRepository(stdout.split("\n").filter((line) => line !== ""));
    },
  },
];
