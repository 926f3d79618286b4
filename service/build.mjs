import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { decode, encode } from "@jridgewell/sourcemap-codec";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here("../package.json"), "utf8"));

const outdir = process.argv[2] ?? here("dist");
/** The first lines of a file stand for all: not each of them is left in the bundle. */
const FIRST_LINES = `AAAA${";AAAA".repeat(12)}`;
const FEW_LINES = Buffer.from(JSON.stringify({ version: 3, sources: [""], mappings: FIRST_LINES })).toString(
  "base64",
);

/** A trace has lines of the service's own files alone, and of packages the file and the function. */
const ownLinesAlone = {
  name: "own-lines-alone",
  setup({ onLoad }) {
    onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path }) => ({
      contents: `${await readFile(path, "utf8")}\n//# sourceMappingURL=data:application/json;base64,${FEW_LINES}`,
    }));
  },
};

/** Where each line begins, without the places within it. */
const linesAlone = (segments) =>
  segments.filter(([, source, line], at) => {
    const before = segments[at - 1];
    return before === undefined || before[1] !== source || before[2] !== line;
  });

// One file per program, so that the image needs no package manager and no modules.
const result = await build({
  entryPoints: ["server", "migrate", "token"].map((entry) => here(`src/${entry}.ts`)),
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  sourcemap: "linked",
  sourcesContent: false,
  // The runtime keeps the programs' text.
  minifyWhitespace: true,
  plugins: [ownLinesAlone],
  metafile: true,
  legalComments: "external",
  define: { SERVICE_VERSION: JSON.stringify(version) },
  // Optional native parts that the drivers look for and do without.
  external: ["pg-native"],
  // Bundled CommonJS packages call require for Node's own modules.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
// The runtime reads a map when the first error asks for its trace, and keeps it: with all lines of packages that took 26 MB of
// heap, with all places in the service's own files 6.
for (const output of Object.keys(result.metafile.outputs).filter((name) => name.endsWith(".map"))) {
  const map = JSON.parse(readFileSync(output, "utf8"));
  writeFileSync(output, JSON.stringify({ ...map, mappings: encode(decode(map.mappings).map(linesAlone)) }));
}
for (const { text } of result.warnings) process.stderr.write(`${text}\n`);
// For the bill of materials, which asks for it by a second argument: what the programs are made of.
if (process.argv[3]) writeFileSync(process.argv[3], JSON.stringify(Object.keys(result.metafile.inputs)));
