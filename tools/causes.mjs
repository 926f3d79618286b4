// Plain JavaScript without a dependency: tools/bootstrap.mjs needs it under any Node from 20 on, before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, statfsSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * What a program fetches, by the kind of registry that has to answer, and where the address of that registry is set.
 *
 * @typedef {keyof typeof REGISTRIES} PackageKind
 */
const REGISTRIES = {
  "npm packages": 'npm (see "npm config get registry")',
  "Debian packages": "Debian packages (see /etc/apt/sources.list and /etc/apt/sources.list.d)",
  "Go modules": 'Go modules (see "go env GOPROXY")',
};

/** The words of the system, the Docker engine, Go, apt, npm and Node. The watchers of files that Node means are no disk. */
const FULL_DISK =
  /no space left on device|ENOSPC(?!: System limit)|EDQUOT|disk quota exceeded|don't have enough free space/i;

/** The words of npm and Node, Go, apt and curl for a name that is not resolved or an address that does not answer. */
const NO_NETWORK = new RegExp(
  [
    "EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ERR_SOCKET_TIMEOUT",
    "no such host|server misbehaving|temporary failure (?:resolving|in name resolution)|could not resolve",
    "name or service not known|network is unreachable|no route to host|could not connect to|cannot initiate the connection",
    "connection (?:refused|reset|timed out|failed)|i/o timeout|TLS handshake timeout|proxyconnect",
  ].join("|"),
  "i",
);

/** Whether a program's words mean that a disk is full. @param {string} text */
export function meansFullDisk(text) {
  return FULL_DISK.test(text);
}

/** Whether a program's words mean that the network does not answer. @param {string} text */
export function meansNoNetwork(text) {
  return NO_NETWORK.test(text);
}

/**
 * The cause behind a failed program's words, and the way out; undefined where they tell of none that is known here.
 *
 * @param {string} output what it wrote
 * @param {readonly PackageKind[]} [fetches] what it fetches from registries. @default nothing, so the network is no cause
 * @returns {string | undefined}
 */
export function explain(output, fetches = []) {
  if (meansFullDisk(output)) return fullDisk();
  if (fetches.length > 0 && meansNoNetwork(output)) return noNetwork(fetches);
  return undefined;
}

function fullDisk() {
  return [
    "A disk is full. Free now:",
    ...freeSpace().map(({ free, folders }) => `  ${free} MB on the disk of ${folders.join(", ")}`),
    "Make room and repeat; what is done already is kept. Unused images go with docker image prune --all, build leftovers " +
      "with docker builder prune, Go's files with go clean -cache -modcache, npm's with npm cache clean --force, " +
      "Debian's with apt-get clean.",
  ].join("\n");
}

/** @param {readonly PackageKind[]} fetches */
function noNetwork(fetches) {
  return (
    `The network does not answer. What this step needs has to be reachable: a registry of ${fetches.map((kind) => REGISTRIES[kind]).join("; of ")}. ` +
    "Check the connection, the name server and the proxy (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) and repeat; what is done already is kept. " +
    `A run from nothing needs registries of ${Object.keys(REGISTRIES).join(", ")}; a container registry saves time and is not needed.`
  );
}

/** Free megabytes of each disk that a set-up writes to, the fullest first, with the folders on it. */
function freeSpace() {
  /** @type {Map<number, { free: number; folders: string[] }>} */
  const disks = new Map();
  for (const [path, what] of writtenFolders()) {
    const there = existing(path);
    const { bavail, bsize } = statfsSync(there);
    const { dev } = statSync(there);
    const disk = disks.get(dev) ?? { free: Math.floor((bavail * bsize) / 2 ** 20), folders: [] };
    disk.folders.push(`${path} (${what})`);
    disks.set(dev, disk);
  }
  return [...disks.values()].sort((one, other) => one.free - other.free);
}

/** The folder itself or, where it is not there yet, the one that it will be made in. @param {string} path */
function existing(path) {
  return existsSync(path) ? path : existing(dirname(path));
}

/** @returns {[path: string, what: string][]} */
function writtenFolders() {
  const { env } = process;
  const caches = env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const engine = spawnSync("docker", ["info", "--format", "{{.DockerRootDir}}"], {
    encoding: "utf8",
    timeout: 5_000,
  });
  const images = engine.status === 0 ? engine.stdout.trim() : "";
  return [
    [dirname(dirname(fileURLToPath(import.meta.url))), "project, Node packages, state"],
    [join(caches, "dujyo"), "Pulumi engine, plugins, logs"],
    [env.GOCACHE || join(caches, "go-build"), "Go's build files"],
    [env.GOMODCACHE || join(env.GOPATH || join(homedir(), "go"), "pkg/mod"), "Go modules"],
    [env.npm_config_cache || join(homedir(), ".npm"), "npm's cache"],
    [tmpdir(), "temporary files"],
    ["/var/cache/apt/archives", "Debian packages"],
    // An engine on another machine names a folder that is not here.
    ...(existsSync(images) ? [/** @type {[string, string]} */ ([images, "Docker images and volumes"])] : []),
  ];
}
