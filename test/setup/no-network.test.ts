import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, type RunOptions, run } from "../../tools/process.ts";

/** Steps of `npm run up` that fetch something, where nothing answers. */

const scratch = mkdtempSync(join(tmpdir(), "no-network-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A name space without a route; the user is root in it, so that this needs no rights. */
const cutOff = (args: readonly string[], options: RunOptions) =>
  run("unshare", ["--map-root-user", "--net", process.execPath, ...args], options);
const connected = (args: readonly string[], options: RunOptions) => run(process.execPath, args, options);

describe("without a network", () => {
  it("npm ci is told what has to be reachable, and the next run installs", async () => {
    const folder = join(scratch, "project");
    mkdirSync(join(folder, "tools"), { recursive: true });
    for (const file of ["bootstrap.mjs", "causes.mjs"])
      cpSync(join(ROOT, "tools", file), join(folder, "tools", file));
    writeFileSync(
      join(folder, "command.ts"),
      'import { parse } from "yaml";\nconsole.log(parse("well: 1"));\n',
    );
    // One package of the project's own, as its lock file has it.
    const { version } = JSON.parse(readFileSync(join(ROOT, "node_modules/yaml/package.json"), "utf8"));
    const own = { name: "project", version: "1.0.0", type: "module", dependencies: { yaml: version } };
    const locked = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages[
      "node_modules/yaml"
    ];
    writeFileSync(join(folder, "package.json"), JSON.stringify(own));
    writeFileSync(
      join(folder, "package-lock.json"),
      JSON.stringify({
        ...own,
        lockfileVersion: 3,
        requires: true,
        packages: { "": own, "node_modules/yaml": locked },
      }),
    );
    const args = [join(folder, "tools/bootstrap.mjs"), "command.ts"];
    // What npm has fetched for others does not count, and once is enough to see that nobody answers.
    const options = {
      cwd: folder,
      env: { npm_config_cache: join(scratch, "npm"), npm_config_fetch_retries: "0" },
    };
    const refused = await cutOff(args, options);
    expect(refused.stderr).toMatch(
      /npm ci failed with exit code \d+\.\nThe network does not answer\..*a registry of npm/,
    );
    expect(refused.code).toBe(1);
    const healed = await connected(args, options);
    expect(healed.stdout, healed.stderr).toBe("{ well: 1 }\n");
  });

  it("a build from Go modules is told what has to be reachable, and the next run builds", async () => {
    const folder = join(scratch, "module");
    mkdirSync(folder);
    // A module that the engine stands on, with the checksums that it is pinned by.
    const name = "github.com/pkg/errors";
    const sums = readFileSync(join(ROOT, "tools/go/engine/go.sum"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith(`${name} `));
    const version = sums[0]?.split(/[ /]/)[3];
    writeFileSync(
      join(folder, "go.mod"),
      `module example.invalid/program\n\ngo 1.21\n\nrequire ${name} ${version}\n`,
    );
    writeFileSync(join(folder, "go.sum"), `${sums.join("\n")}\n`);
    writeFileSync(
      join(folder, "main.go"),
      `package main\n\nimport "${name}"\n\nfunc main() { println(errors.New("built").Error()) }\n`,
    );
    const args = [join(import.meta.dirname, "steps.ts"), "go", folder];
    const cache = join(scratch, "cache");
    const env = {
      XDG_CACHE_HOME: cache,
      GOMODCACHE: join(scratch, "modules"),
      // The compiler's own files are nothing that is fetched.
      GOCACHE: process.env.GOCACHE ?? join(homedir(), ".cache/go-build"),
    };
    // Where Go runs in a container, that has a network of its own: nobody listens at this port in either.
    const refused = await connected(args, { env: { ...env, GOPROXY: "http://127.0.0.1:1" } });
    expect(refused.stderr).toMatch(/The network does not answer\..*a registry of Go modules/);
    expect(refused.stderr).not.toMatch(/^ +at /m);
    expect(refused.code).toBe(1);
    const healed = await connected(args, { env });
    expect(healed.code, healed.stderr).toBe(0);
    expect((await run(join(cache, "dujyo/built/program"), [])).stderr).toBe("built\n");
    // Go writes its modules so that nobody changes them by mistake.
    await mustRun("chmod", ["--recursive", "u+w", scratch]);
  });
});
