import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/**
 * Programs of a test's own in front of those on PATH, while `work` goes on.
 *
 * @param programs body of a shell script by the program's name
 */
export async function withStandIns<T>(programs: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stand-ins-"));
  const { PATH } = process.env;
  try {
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(folder, name), 0o755);
    }
    process.env.PATH = [folder, PATH].join(delimiter);
    return await work();
  } finally {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  }
}

/** A script that says `words` as a program does that fails. */
export function failing(words: string, code = 1): string {
  return `cat >&2 <<'WORDS'\n${words}\nWORDS\nexit ${code}`;
}
