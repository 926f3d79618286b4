import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import bringPrograms, { schemathesis } from "../lint/linters.ts";
import { connect, stack } from "./stack.ts";
import { setBalance } from "./support/accounts.ts";
import { ApiProcess, tokenFor } from "./support/api-process.ts";

/** The shortest address, which is the one that schemathesis tries most: some of its transfers get through to the ledger. */
const ADDRESS = "0";
/** Seconds for all requests; what is generated for one seed takes a third of it on an idle machine. */
const MOST_SECONDS = 45;
/**
 * What is not promised: 405, since an unknown method is answered 404, as an unknown path is; and that all which fits the
 * schema is taken, since no schema can say that nobody pays himself.
 */
const NOT_PROMISED = "unsupported_method,positive_data_acceptance";

/** What it does not show: answers that need data of a certain kind; see test/stack/api.test.ts. */
describe.skipIf(!stack)("the API asked by its own OpenAPI document", () => {
  const folder = mkdtempSync(join(tmpdir(), "api-fuzzing-"));
  let api: ApiProcess;
  let owner: Client;

  beforeAll(async () => {
    if (!stack) return;
    await bringPrograms();
    owner = await connect(stack.owner);
    await setBalance(owner, ADDRESS, 1_000_000);
    api = await ApiProcess.start("fuzzed", { ADMIN_AUTH: "on" });
  }, 300_000);

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await api?.stop();
    await owner?.end();
  });

  it("answers nothing with 5xx, nothing that the document does not say, and refuses what it forbids", async () => {
    const settings = join(folder, "schemathesis.toml");
    const bearer = `Bearer ${await tokenFor(ADDRESS, { scope: "admin" })}`;
    writeFileSync(settings, `headers = { Authorization = "${bearer}" }\n`, { mode: 0o600 });
    const { code, stdout, stderr, timedOut } = await schemathesis(
      [
        ...["--config-file", settings, "run", `${api.url}/openapi.json`, "--no-color"],
        ...["--checks", "all", "--exclude-checks", NOT_PROMISED, "--continue-on-failure"],
        ...["--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "1"],
      ],
      folder,
      MOST_SECONDS * 1000,
    );
    expect(timedOut, stdout).toBe(false);
    expect(code, stdout + stderr).toBe(0);
    const [, tested, selected] = /Selected: (\d+)\/\d+\s+Tested: (\d+)/.exec(stdout) ?? [];
    expect(tested).toBe(selected);
    expect(Number(/(\d+) generated/.exec(stdout)?.[1])).toBeGreaterThan(500);
    const text = await (await fetch(`${api.url}/metrics`, { headers: { accept: "text/plain" } })).text();
    expect(text).toMatch(/^dujyo_api_http_responses_total\{status="5xx"\} 0$/m);
    expect(Number(/^dujyo_api_http_responses_total\{status="2xx"\} (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(
      50,
    );
  });
});
