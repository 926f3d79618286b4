import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { readConfig } from "../../../service/src/config.ts";

const folder = mkdtempSync(join(tmpdir(), "config-"));
const file = (name: string, content = `content of ${name}\n`): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const KEY = { kty: "OKP", crv: "Ed25519", x: "AA" };

const complete = {
  DB_HOST: "pgbouncer",
  DB_CA_FILE: file("ca"),
  DB_PASSWORD_FILE: file("app"),
  DB_RO_PASSWORD_FILE: file("readonly"),
  LISTEN_HOST: "haproxy",
  REDIS_NODES: "redis-0:6379,redis-1:6380",
  REDIS_PASSWORD_FILE: file("redis"),
  REDIS_CA_FILE: file("redis-ca"),
  ACCESS_LOG_KEY_FILE: file("access-log-key"),
  AUTH_KEY_SET_FILE: file("keys", JSON.stringify({ keys: [KEY] })),
};

describe("the service's configuration", () => {
  it("has the documented defaults", () => {
    const config = readConfig(complete);
    expect(config.cache.ttlMs).toEqual({
      balance: 600_000,
      tokenBalance: 600_000,
      history: 600_000,
      stats: 30_000,
      dexPool: 10_000,
    });
    expect(config.cache.maxStalenessMs).toBe(2000);
    expect(config.cache.staleIfErrorMs).toBe(300_000);
    expect(config.breaker).toEqual({ failures: 5, openMs: 30_000 });
    expect(config.port).toBe(8083);
    expect(config.auth.admin).toBe(true);
    expect(config.database.writer.passwords()).toEqual(["content of app"]);
  });

  it("has the passwords of now, and while a file is being replaced that of before", () => {
    const path = file("rotated", "one\n");
    const { passwords } = readConfig({ ...complete, DB_PASSWORD_FILE: path }).database.writer;
    writeFileSync(path, "");
    expect(passwords()).toEqual(["one"]);
    writeFileSync(path, "two\none\n");
    expect(passwords()).toEqual(["two", "one"]);
    rmSync(path);
    expect(passwords()).toEqual(["two", "one"]);
  });

  it("names everything that is missing, at once", () => {
    const { DB_PASSWORD_FILE: _, ...incomplete } = complete;
    expect(() => readConfig({ ...incomplete, REDIS_PASSWORD_FILE: "/nowhere/redis", PORT: "80x" })).toThrow(
      /DB_PASSWORD_FILE is not set[\s\S]*PORT is "80x"[\s\S]*REDIS_PASSWORD_FILE names \/nowhere\/redis, which can not be read \(ENOENT\)/,
    );
  });

  it("rejects a key that may be guessed, and does not repeat it", () => {
    for (const weak of ["open-sesame", "abababababababababababab"]) {
      const read = () => readConfig({ ...complete, ACCESS_LOG_KEY_FILE: file("weak", weak) });
      expect(read).toThrow(/ACCESS_LOG_KEY_FILE names a file with a weak key, \d+ characters, \d+ of them/);
      expect(read).not.toThrow(weak);
    }
  });

  it.each([
    ["no JSON", "-----BEGIN", "is no JSON Web Key Set"],
    ["null", "null", "is no JSON Web Key Set"],
    ["no set", JSON.stringify(KEY), "is no JSON Web Key Set"],
    ["an empty set", JSON.stringify({ keys: [] }), "is no JSON Web Key Set"],
    ["no keys in it", JSON.stringify({ keys: ["BEGIN"] }), "is no JSON Web Key Set"],
    ["a private key", JSON.stringify({ keys: [{ ...KEY, d: "BEGIN" }] }), "holds a private key"],
    [
      "a key of a kind that is not taken",
      JSON.stringify({ keys: [{ kty: "RSA", n: "BEGIN" }] }),
      "another kind",
    ],
    ["several keys without names", JSON.stringify({ keys: [KEY, KEY] }), 'a "kid" of its own'],
  ])("refuses a key set that is %s, naming the variable and not the content", (_, content, reason) => {
    const given = { ...complete, AUTH_KEY_SET_FILE: file("bad-keys", content) };
    expect(() => readConfig(given)).toThrow(new RegExp(`AUTH_KEY_SET_FILE .*${reason}`));
    expect(() => readConfig(given)).not.toThrow(/BEGIN/);
  });

  it("serves plain HTTP without a certificate, HTTPS with one, and refuses half of the pair", () => {
    expect(readConfig(complete).tls).toBeUndefined();
    const pair = { TLS_CERT_FILE: file("certificate"), TLS_KEY_FILE: file("key") };
    expect(readConfig({ ...complete, ...pair }).tls).toEqual({
      certificate: "content of certificate",
      key: "content of key",
      files: { certificate: pair.TLS_CERT_FILE, key: pair.TLS_KEY_FILE },
    });
    expect(() => readConfig({ ...complete, TLS_CERT_FILE: pair.TLS_CERT_FILE })).toThrow(
      /TLS_KEY_FILE is not set/,
    );
  });

  it("refuses an address map that it can not read", () => {
    expect(() => readConfig({ ...complete, REDIS_ADDRESS_MAP: "redis-0:6379" })).toThrow(
      /REDIS_ADDRESS_MAP holds/,
    );
  });
});
