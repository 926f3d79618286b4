import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../process.ts";
import { CLUSTER } from "./place.ts";

const DISKS = join(CLUSTER, "volumes");
/** Bytes that the file system takes for its log, which nobody asked for. */
const LOG = 64 * 2 ** 20;
/** Bytes of the least file system that its maker makes. */
const LEAST = 300 * 2 ** 20;

const image = (name: string) => join(DISKS, `${name}.img`);
const mountPoint = (name: string) => join(DISKS, name);
const imageSize = (bytes: number) => Math.max(bytes + LOG, LEAST);

/** Folder of a disk that pods write to. */
export function diskFolder(name: string): string {
  return join(mountPoint(name), "data");
}

/**
 * A disk of so many bytes: a file that takes what is written to it, with a file system of its own. XFS, since a root user whom
 * the machine has taken some of his rights from may not grow ext4 while it is in use. Safe to repeat.
 */
export async function makeDisk(name: string, bytes: number): Promise<void> {
  mkdirSync(DISKS, { recursive: true });
  const part = `${image(name)}.part`;
  if (!existsSync(image(name))) {
    rmSync(part, { force: true });
    await mustRun("truncate", [`--size=${imageSize(bytes)}`, part]);
    await mustRun("mkfs.xfs", ["-q", part]);
    renameSync(part, image(name));
  }
  await mountDisk(name);
  mkdirSync(diskFolder(name), { recursive: true });
  chmodSync(diskFolder(name), 0o777);
}

/** Mounts a disk that is there, unless it is mounted. */
export async function mountDisk(name: string): Promise<void> {
  if (deviceOf(name) !== undefined) return;
  mkdirSync(mountPoint(name), { recursive: true });
  await mustRun("mount", ["--options=loop,noatime", image(name), mountPoint(name)]);
}

/** Makes a disk larger while it is in use. */
export async function growDisk(name: string, bytes: number): Promise<void> {
  const device = deviceOf(name);
  if (device === undefined) throw new Error(`${name} is not mounted`);
  truncateSync(image(name), imageSize(bytes));
  await mustRun("losetup", ["--set-capacity", device]);
  await mustRun("xfs_growfs", [mountPoint(name)]);
}

/** Removes a disk with all that is on it. Safe to repeat. */
export async function removeDisk(name: string): Promise<void> {
  if (deviceOf(name) !== undefined) await mustRun("umount", ["--lazy", mountPoint(name)]);
  for (const path of [image(name), mountPoint(name)]) rmSync(path, { recursive: true, force: true });
}

/** The device that is mounted for a disk; undefined where none is. */
function deviceOf(name: string): string | undefined {
  const rows = readFileSync("/proc/mounts", "utf8").split("\n");
  return rows.map((row) => row.split(" ")).find(([, path]) => path === mountPoint(name))?.[0];
}
