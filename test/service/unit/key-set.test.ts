import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyRequest } from "fastify";
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { parseKeySet } from "../../../service/src/config/key-set.ts";
import { FollowedFiles } from "../../../service/src/followed-files.ts";
import { createAuthentication, type KeyRing } from "../../../service/src/plugins/authentication.ts";

type Algorithm = "EdDSA" | "ES256";

async function makeKey(kid: string, alg: Algorithm = "EdDSA") {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const jwk = { ...(await exportJWK(publicKey)), alg, kid };
  return { jwk, kid, alg, privateKey };
}
type Key = Awaited<ReturnType<typeof makeKey>>;

const token = (key: Key, { kid = key.kid as string | undefined, subject = "DU-1" } = {}) =>
  new SignJWT()
    .setProtectedHeader({ alg: key.alg, ...(kid === undefined ? {} : { kid }) })
    .setSubject(subject)
    .setIssuer("dujyo")
    .setAudience("api")
    .setExpirationTime("1 minute")
    .sign(key.privateKey);

let first: Key;
let second: Key;
beforeAll(async () => {
  first = await makeKey("2026-01");
  second = await makeKey("2026-02", "ES256");
});

describe("tokens during a rotation", () => {
  const setOf = (...keys: Key[]): JSONWebKeySet =>
    parseKeySet(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  const accepts = async (ring: KeyRing, bearer: string) => {
    const authenticate = createAuthentication({ keys: ring, issuer: "dujyo", audience: "api" });
    return await authenticate({ headers: { authorization: `Bearer ${bearer}` } } as FastifyRequest).then(
      () => true,
      () => false,
    );
  };

  it("are taken from each key of the set, by its kid", async () => {
    const ring = { keySet: setOf(first, second) };
    expect(await accepts(ring, await token(first))).toBe(true);
    expect(await accepts(ring, await token(second))).toBe(true);
    expect(await accepts(ring, await token(first, { kid: "2026-02" }))).toBe(false);
    expect(await accepts(ring, await token(first, { kid: "unknown" }))).toBe(false);
  });

  it("of a key that was withdrawn are refused, of one that was added taken, by the same process", async () => {
    const ring: KeyRing = { keySet: setOf(first) };
    const authenticate = createAuthentication({ keys: ring, issuer: "dujyo", audience: "api" });
    const ask = async (key: Key) =>
      await authenticate({ headers: { authorization: `Bearer ${await token(key)}` } } as FastifyRequest).then(
        ({ address }) => address,
        ({ code }) => code,
      );
    expect([await ask(first), await ask(second)]).toEqual(["DU-1", "invalid_token"]);
    ring.keySet = setOf(first, second);
    expect([await ask(first), await ask(second)]).toEqual(["DU-1", "DU-1"]);
    ring.keySet = setOf(second);
    expect([await ask(first), await ask(second)]).toEqual(["invalid_token", "DU-1"]);
  });

  it("are checked once, and again when the keys are others or their time is over", async () => {
    const ring: KeyRing = { keySet: setOf(first, second) };
    const authenticate = createAuthentication({ keys: ring, issuer: "dujyo", audience: "api" });
    const bearer = await token(first);
    const ask = async () =>
      await authenticate({ headers: { authorization: `Bearer ${bearer}` } } as FastifyRequest).then(
        ({ address }) => address,
        ({ code }) => code,
      );
    const checks = vi.spyOn(crypto.subtle, "verify");
    try {
      expect([await ask(), await ask(), await ask()]).toEqual(["DU-1", "DU-1", "DU-1"]);
      expect(checks).toHaveBeenCalledTimes(1);
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
      expect(await ask()).toBe("invalid_token");
      vi.useRealTimers();
      ring.keySet = setOf(second);
      expect(await ask()).toBe("invalid_token");
    } finally {
      vi.useRealTimers();
      checks.mockRestore();
    }
  });

  it("do not outlive a key that is withdrawn while they are checked", async () => {
    const ring: KeyRing = { keySet: setOf(first) };
    const authenticate = createAuthentication({ keys: ring, issuer: "dujyo", audience: "api" });
    const headers = { authorization: `Bearer ${await token(first)}` };
    const underWay = authenticate({ headers } as FastifyRequest);
    ring.keySet = setOf(second);
    await underWay;
    await expect(authenticate({ headers } as FastifyRequest)).rejects.toThrow();
  });

  it("without a signature, or signed with the public key as a secret, are refused", async () => {
    const ring = { keySet: setOf(first) };
    const [, claims] = (await token(first)).split(".");
    const header = (alg: string) =>
      Buffer.from(JSON.stringify({ alg, kid: first.kid })).toString("base64url");
    const symmetric = new SignJWT({ sub: "DU-1", iss: "dujyo", aud: "api" })
      .setProtectedHeader({ alg: "HS256", kid: first.kid })
      .setExpirationTime("1 minute");
    expect(await accepts(ring, `${header("none")}.${claims}.`)).toBe(false);
    expect(await accepts(ring, `${header("none")}.${claims}.AA`)).toBe(false);
    expect(await accepts(ring, await symmetric.sign(Buffer.from(first.jwk.x ?? "")))).toBe(false);
  });

  it("whose subject is no address are refused", async () => {
    const ring = { keySet: setOf(first) };
    expect(await accepts(ring, await token(first, { subject: "DU 1\n" }))).toBe(false);
  });
});

describe("the file of the key set", () => {
  const folder = mkdtempSync(join(tmpdir(), "key-set-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is read again when it changes, also behind a link that is moved; what is not usable is told and left", async () => {
    const content = (...keys: Key[]) => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
    const target = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      symlinkSync(name, join(folder, `${name}.link`));
      renameSync(join(folder, `${name}.link`), path);
    };
    const path = join(folder, "key-set.json");
    const seen: unknown[] = [];
    const file = new FollowedFiles({
      paths: [path],
      everyMs: 20,
      use: ([text = ""]) => seen.push(parseKeySet(text).keys.map(({ kid }) => kid)),
      onError: (error) => seen.push((error as Error).message),
    });
    target("one", content(first));
    file.start();
    try {
      // The first look may come late on a busy machine; only what changes after it is a change.
      const afterFirstLook = () => {
        target("two", content(first, second));
        return seen.at(-1);
      };
      await expect.poll(afterFirstLook, { timeout: 5_000 }).toEqual(["2026-01", "2026-02"]);
      target("three", '{"keys": [');
      await expect.poll(() => seen.at(-1), { timeout: 5_000 }).toMatch(/no JSON Web Key Set/);
      target("four", content(second));
      await expect.poll(() => seen.at(-1), { timeout: 5_000 }).toEqual(["2026-02"]);
    } finally {
      file.stop();
    }
  });
});
