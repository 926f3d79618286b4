import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const SERVER = fileURLToPath(new URL("../../../service/src/server.ts", import.meta.url));
const SECRETS = [
  "DB_PASSWORD_FILE",
  "DB_RO_PASSWORD_FILE",
  "REDIS_PASSWORD_FILE",
  "AUTH_KEY_SET_FILE",
  "ACCESS_LOG_KEY_FILE",
];

const folder = mkdtempSync(join(tmpdir(), "start-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

const complete = {
  PATH: process.env.PATH,
  DB_HOST: "localhost",
  LISTEN_HOST: "localhost",
  REDIS_NODES: "localhost:1",
  DB_CA_FILE: file("ca", "ca"),
  REDIS_CA_FILE: file("redis-ca", "ca"),
  ...Object.fromEntries(SECRETS.map((name) => [name, file(name, "secret-content")])),
};

describe("the service without a secret that it needs refuses to start and names it", () => {
  it.each([
    ["not set", undefined, "is not set"],
    ["absent", join(folder, "absent"), "can not be read"],
    ["empty", file("empty", "\n"), "is empty"],
  ])(
    "%s",
    (_state, value, reason) => {
      const { status, stderr } = spawnSync(process.execPath, [SERVER], {
        env: { ...complete, ...Object.fromEntries(SECRETS.map((name) => [name, value])) },
        encoding: "utf8",
        timeout: 60_000,
      });
      expect(status).toBe(78);
      for (const name of SECRETS) expect(stderr).toMatch(new RegExp(`${name} .*${reason}`));
      expect(stderr).not.toContain("secret-content");
    },
    90_000,
  );
});
