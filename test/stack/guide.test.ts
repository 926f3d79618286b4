import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readConnection, writeConnectionFiles } from "../../ops/connection-store.ts";
import { ROOT } from "../../tools/layout.ts";
import { type Result, run } from "../../tools/process.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { leader, whole } from "../support/faults.ts";
import { BASE_SETTINGS, STACK } from "../support/stack-settings.ts";
import { mustSwitchOver } from "../support/switchover.ts";

/** Every row of the guide's page, run as a user would: commands are run, and files have to be there. */

const page = readFileSync(join(ROOT, "docs/coming-from-the-guide.md"), "utf8");
const ROWS = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| the guide") && !line.startsWith("| ---"))
  .map((line) => line.split(" | ").at(-1) as string)
  .map((here) => [...here.matchAll(/`([^`]+)`/g)].map(([, span]) => span as string));
const SPANS = [...new Set(ROWS.flat())];
const COMMANDS = SPANS.filter((span) => /^(psql|redis-cli|curl|npm run|docker) /.test(span));
const FILES = SPANS.filter((span) => !COMMANDS.includes(span));

let folder = "";

/** The page speaks of `dev`; the same line for the stack that is under test. */
function here(line: string): string {
  return line
    .replaceAll("dujyo-dev", `dujyo-${STACK}`)
    .replace(":8083", `:${8083 + Number(BASE_SETTINGS.portOffset)}`)
    .replace(/^npm run (\S+)/, `npm run $1 -- --stack ${STACK}`)
    .replace(/^curl/, "curl --fail --silent --show-error")
    .replace(/^psql/, "psql -v ON_ERROR_STOP=1");
}

function shell(line: string): Promise<Result> {
  return run("sh", ["-c", here(line)], {
    cwd: ROOT,
    env: { PGSERVICEFILE: join(folder, "pg_service.conf"), PATH: `${folder}:${process.env.PATH}` },
    timeout: 300_000,
  });
}

async function expectToWork(line: string): Promise<void> {
  const answer = await shell(line);
  expect(answer.code, `${line}: ${answer.stderr}`).toBe(0);
  // redis-cli ends well whatever the server says.
  expect(answer.stdout).not.toMatch(/^(ERR|NOAUTH|NOPERM|MOVED)/m);
}

describe("for whoever comes from the guide", () => {
  beforeAll(async () => {
    folder = writeConnectionFiles(STACK, await readConnection(STACK, pulumiEnvironment(STACK)));
  });

  it("every row has something that can be tried", () => {
    expect(ROWS.length).toBeGreaterThan(30);
    expect(ROWS.filter((spans) => spans.length === 0)).toEqual([]);
  });

  it.each(FILES)("%s is there", (file) => {
    expect(existsSync(join(ROOT, file))).toBe(true);
  });

  it.each(COMMANDS)("%s", async (line) => {
    await expectToWork(line);
    if (/patronictl|docker restart/.test(line)) await whole(3);
  }, 600_000);

  it("the database's lines work when another member leads", async () => {
    await mustSwitchOver(await leader());
    await whole(3);
    for (const line of COMMANDS.filter((command) => command.startsWith("psql "))) await expectToWork(line);
  }, 600_000);
});
