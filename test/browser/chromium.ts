import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { mustRun } from "../../tools/process.ts";

/** A browser of its own: no display, no user's profile, no calls to its maker. */
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ...["--hide-scrollbars", "--enable-logging=stderr"],
];
const TIMEOUT = 60_000;

interface View {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly dark: boolean;
}

async function chromium(program: string, view: View, args: readonly string[], file: string) {
  const profile = mkdtempSync(join(tmpdir(), "dujyo-browser-"));
  try {
    const log = join(profile, "log");
    const shown = [
      `--window-size=${view.width},${view.height}`,
      `--blink-settings=preferredColorScheme=${view.dark ? 0 : 1}`,
    ];
    const url = pathToFileURL(file).href;
    const all = [...FLAGS, `--user-data-dir=${join(profile, "data")}`, ...shown, ...args, url];
    const stdout = await mustRun(program, all, { timeout: TIMEOUT, logFile: log });
    return { stdout, log: readFileSync(log, "utf8") };
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The document as the page's scripts have left it, and what they wrote to the console, errors included. */
export async function openPage(program: string, file: string): Promise<{ dom: string; console: string[] }> {
  const { stdout, log } = await chromium(
    program,
    { width: 1500, height: 1000, dark: false },
    ["--dump-dom"],
    file,
  );
  return { dom: stdout, console: log.split("\n").filter((line) => line.includes(":CONSOLE:")) };
}

/** Takes a picture of the page's upper part. @returns its width and height in pixels, and its bytes */
export async function takePicture(
  program: string,
  file: string,
  picture: string,
  view: View,
): Promise<{ width: number; height: number; bytes: number }> {
  await chromium(program, view, [`--screenshot=${picture}`], file);
  const png = readFileSync(picture);
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20), bytes: png.length };
}
