import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here("../package.json"), "utf8"));

const outdir = process.argv[2] ?? here("dist");
const NO_LINES = Buffer.from('{"version":3,"sources":[""],"mappings":"AAAA"}').toString("base64");

/**
 * A trace names lines of the service's own files alone; of packages it has functions and lines of the bundle. The runtime reads a
 * map when the first error asks for its trace and keeps it: with the lines of packages that took 124 ms and 26 MB, and takes 32 and 4.
 */
const ownLinesAlone = {
  name: "own-lines-alone",
  setup({ onLoad }) {
    onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path }) => ({
      contents: `${await readFile(path, "utf8")}\n//# sourceMappingURL=data:application/json;base64,${NO_LINES}`,
    }));
  },
};

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
for (const { text } of result.warnings) process.stderr.write(`${text}\n`);
// What the programs are made of, for the bill of materials.
writeFileSync(join(outdir, "inputs.json"), JSON.stringify(Object.keys(result.metafile.inputs)));
