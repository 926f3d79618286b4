import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Releases that fit each other; package.json names the same ones, which a test checks. */
export const VERSIONS = { pulumi: "3.259.0", docker: "5.2.0", kubernetes: "4.34.2" } as const;

/** The clone. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** What belongs to this clone alone and is never committed: state, passphrase, connection files. */
export const LOCAL = join(ROOT, ".dujyo");

/** What every clone of this user shares: engine, plugins, build logs. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "dujyo");

export const LOGS = join(CACHE, "logs");

/** Home of the Pulumi engine. Its own, so that no release or login of the user's is touched. */
export const PULUMI_HOME = join(CACHE, "pulumi");

/** Folder of the engine and its language host. */
export const ENGINE_BIN = join(PULUMI_HOME, "versions", VERSIONS.pulumi, "bin");
