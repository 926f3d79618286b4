import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../../tools/layout.ts";
import { mustRun, run } from "../../../tools/process.ts";
import { type Answer, CanNotAsk, type Check } from "../check.ts";
import { processesOf } from "../processes.ts";
import type { Scene } from "../scene.ts";
import { secretsIn } from "../secrets.ts";

/** Looks for every secret in every text. Offences name the secret and where it stands, never its value. */
export function search(
  texts: Iterable<readonly [string, string]>,
  secrets: ReadonlyMap<string, string>,
  evidence: string,
): Answer {
  const offences: string[] = [];
  let asked = 0;
  for (const [where, text] of texts) {
    asked += 1;
    offences.push(...secretsIn(text, secrets).map((name) => `${name} stands in ${where}`));
  }
  return {
    asked: secrets.size === 0 ? 0 : asked,
    offences,
    evidence: `${secrets.size} secrets in ${asked} ${evidence}`,
  };
}

/** Environments of all processes of the stack's containers, as the kernel shows them. */
function environments({ containers }: Scene): [string, string][] {
  return processesOf(containers).map(({ member, read }) => [
    `the environment or arguments of a process of ${member}`,
    `${read("environ")}\n${read("cmdline")}`,
  ]);
}

async function logs({ containers, secrets }: Scene): Promise<Answer> {
  const texts: [string, string][] = [];
  for (const { Name } of containers) {
    const { stdout, stderr } = await run("docker", ["logs", Name.slice(1)]);
    texts.push([`the log of ${Name.slice(1)}`, stdout + stderr]);
  }
  return search(texts, secrets, "logs");
}

/** Lines of a program's output in which a secret stands, counted without keeping the output. */
async function searchStream(command: string, secrets: ReadonlyMap<string, string>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "dujyo-audit-"));
  try {
    const patterns = join(folder, "patterns");
    writeFileSync(patterns, [...secrets.values()].join("\n"), { mode: 0o600 });
    // grep ends with 1 where it finds nothing, which is what is hoped for.
    const counted = await mustRun(
      "bash",
      [
        "-c",
        `set -o pipefail; ${command} | { grep --count --text --fixed-strings --file="$1" || [ $? = 1 ]; }`,
        "search",
        patterns,
      ],
      { cwd: ROOT },
    );
    return Number(counted);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function images({ containers, secrets }: Scene): Promise<Answer> {
  const ids = [...new Set(containers.map(({ Image }) => Image))];
  const offences: string[] = [];
  for (const id of ids) {
    const history = await mustRun("docker", ["history", "--no-trunc", "--format", "{{.CreatedBy}}", id]);
    const found = secretsIn(history, secrets);
    offences.push(...found.map((name) => `${name} stands in the history of ${id}`));
    const lines = await searchStream(`docker save ${id}`, secrets);
    if (lines > 0) offences.push(`${lines} lines of layers of ${id} hold a secret`);
  }
  return {
    asked: ids.length,
    offences,
    evidence: `${secrets.size} secrets in history and layers of ${ids.length} images`,
  };
}

async function history({ secrets }: Scene): Promise<Answer> {
  if (!existsSync(join(ROOT, ".git")))
    throw new CanNotAsk("this is no clone: there is no history of git to be searched");
  const lines = await searchStream("git log --all --patch --no-color", secrets);
  const commits = (await mustRun("git", ["rev-list", "--all", "--count"], { cwd: ROOT })).trim();
  return {
    asked: Number(commits),
    offences: lines > 0 ? [`${lines} lines of the history hold a secret`] : [],
    evidence: `${secrets.size} secrets in ${commits} commits`,
  };
}

export const SECRETS: readonly Check[] = [
  {
    id: "secrets/state",
    title: "The exported state holds no generated value in clear",
    ask: async ({ exportedState, secrets }) =>
      search([["the exported state", exportedState]], secrets, "export"),
  },
  {
    id: "secrets/containers",
    title: "No environment, argument or label of a container holds one",
    ask: async ({ containers, secrets }) =>
      search(
        containers.map((container) => [
          `what the engine tells of ${container.Name.slice(1)}`,
          JSON.stringify(container),
        ]),
        secrets,
        "containers",
      ),
  },
  {
    id: "secrets/processes",
    title: "No environment or argument of a running process holds one",
    ask: async (scene) => search(environments(scene), scene.secrets, "processes"),
  },
  { id: "secrets/logs", title: "No log holds one", ask: logs },
  { id: "secrets/images", title: "No image holds one", ask: images },
  { id: "secrets/history", title: "The history of git holds none", ask: history },
];
