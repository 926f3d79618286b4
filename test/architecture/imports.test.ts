import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const FOLDERS = ["infra", "service", "tools", "ops", "dashboards"];

function sources(folder: string): string[] {
  const path = join(ROOT, folder);
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes("node_modules") && !name.includes("dist/"))
    .map((name) => join(folder, name));
}

const files = FOLDERS.filter((folder) => statSync(join(ROOT, folder), { throwIfNoEntry: false })).flatMap(
  sources,
);

/** What a file imports: packages by name, own files by their path from the root. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const targets = Array.from(text.matchAll(/(?:from|import\()\s*"([^"]+)"/g), (match) => match[1] as string);
  return targets.map((target) =>
    target.startsWith(".") ? relative(ROOT, resolve(ROOT, dirname(file), target)) : target,
  );
}

/** Who may not import what. Each rule keeps one reason to change in one place. */
const RULES: { readonly who: RegExp; readonly not: RegExp; readonly why: string }[] = [
  {
    who: /^infra\/(?!targets\/docker\/)/,
    not: /^@pulumi\/docker/,
    why: "only the Docker target knows Docker",
  },
  {
    who: /^infra\/(?!targets\/kubernetes\/)/,
    not: /^@pulumi\/kubernetes/,
    why: "only the Kubernetes target knows Kubernetes",
  },
  { who: /^infra\/components\//, not: /^infra\/targets\//, why: "a component does not choose its target" },
  { who: /^infra\/targets\//, not: /^infra\/components\//, why: "a target carries any component" },
  {
    who: /^infra\/targets\/docker\//,
    not: /^infra\/targets\/kubernetes\//,
    why: "targets do not know each other",
  },
  {
    who: /^infra\/targets\/kubernetes\//,
    not: /^infra\/targets\/docker\//,
    why: "targets do not know each other",
  },
  {
    who: /^infra\/(components|targets\/(docker|kubernetes))\//,
    not: /^infra\/settings\.ts/,
    why: "settings are read once, by the root",
  },
  { who: /^infra\/lib\//, not: /^infra\/(?!lib\/)/, why: "the library stands on nothing" },
  {
    who: /^infra\/settings\//,
    not: /^(@pulumi|infra\/(?!settings\/|lib\/|ports\.ts))/,
    why: "settings are plain values",
  },
  {
    who: /^service\//,
    not: /^(infra|dashboards|tools|ops)\/|^@pulumi/,
    why: "the service is a program of its own",
  },
  { who: /^dashboards\//, not: /^(infra|service|tools|ops)\//, why: "dashboards stand alone" },
  { who: /^infra\//, not: /^(tools|ops|service|dashboards)\//, why: "the program needs no command" },
  {
    who: /^ops\/drill\/(faults|checker|verdict|summary)/,
    not: /docker/,
    why: "a fault and its verdict are the same on every target",
  },
];

describe("imports", () => {
  it("are found", () => {
    expect(files.length).toBeGreaterThan(20);
    expect(importsOf("infra/settings.ts")).toContain("infra/settings/parse.ts");
  });

  it.each(RULES)("of $who leave out $not: $why", ({ who, not }) => {
    const broken = files
      .filter((file) => who.test(file))
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => not.test(target))
          .map((target) => `${file} imports ${target}`),
      );
    expect(broken).toEqual([]);
  });

  it("go round in no circle", () => {
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) throw new Error(`circle: ${[...path, file].join(" -> ")}`);
      if (done.has(file) || !files.includes(file)) return;
      for (const target of importsOf(file)) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
  });
});

describe("commands", () => {
  it("load nothing of Pulumi's SDK: it takes longer than most of them", () => {
    const reached = new Set<string>();
    const reach = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      if (files.includes(file)) for (const target of importsOf(file)) reach(target);
    };
    for (const command of files.filter((file) => /^(tools|ops)\//.test(file))) reach(command);
    expect([...reached].filter((target) => target.startsWith("@pulumi/"))).toEqual([]);
  });
});

describe("sources", () => {
  it("stay below 400 lines each", () => {
    const long = files.filter((file) => readFileSync(join(ROOT, file), "utf8").split("\n").length > 400);
    expect(long).toEqual([]);
  });

  it("read Pulumi's configuration in one place", () => {
    const readers = files.filter((file) =>
      /pulumi\.Config\(|allConfig\(/.test(readFileSync(join(ROOT, file), "utf8")),
    );
    expect(readers).toEqual(["infra/settings.ts"]);
  });
});
