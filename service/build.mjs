import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here("../package.json"), "utf8"));

// One file per program, so that the image needs no package manager and no modules.
const result = await build({
  entryPoints: ["server", "migrate", "token"].map((entry) => here(`src/${entry}.ts`)),
  outdir: process.argv[2] ?? here("dist"),
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  sourcemap: "linked",
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
