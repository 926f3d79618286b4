import { hash, type KeyObject, type X509Certificate } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "node:tls";
import { describe, expect, inject, it, onTestFailed } from "vitest";
import { bearerToken } from "../../ops/bearer-token.ts";
import type { Connection } from "../../ops/connection.ts";
import { blindIndex, type KeyRing, keyRing, seal, unseal } from "../../tools/data/personal-fields.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { withSession } from "../support/clients.ts";
import { runningContainers } from "../support/containers.ts";
import { eventually } from "../support/faults.ts";
import { stackConnection, UNCHANGED, up } from "../support/stack-commands.ts";
import { BASE_SETTINGS, STACK, writeSettings } from "../support/stack-settings.ts";

const rotate = (credential: string, ...options: string[]) => [
  join(ROOT, "ops/cli.ts"),
  ...["rotate", credential, "--stack", STACK, "--json", ...options],
];

const tokenOf = (connection: Connection) =>
  bearerToken(STACK, connection, { address: "DU-rotation-test", ttl: "600" });

/** 400 where the token is taken: it is looked at before the body, which is none. */
async function ask(token: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${inject("connection").api.port}/transaction`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: "{}",
  });
  await answer.text();
  return answer.status;
}

/** How often which status was answered to requests with `token` while `work` went on. */
async function statusesDuring(token: string, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let done = false;
  const client = async () => {
    while (!done) {
      const status = String(await ask(token).catch((error: Error) => error.message));
      counts[status] = (counts[status] ?? 0) + 1;
      await pause(10);
    }
  };
  const clients = Promise.all(Array.from({ length: 4 }, client));
  try {
    await work();
  } finally {
    done = true;
    await clients;
  }
  return counts;
}

describe("a rotation of the token key", () => {
  it("fails no request and replaces no container; tokens of both keys are taken until one is withdrawn", {
    timeout: 300_000,
  }, async () => {
    onTestFailed(async () => {
      writeSettings(BASE_SETTINGS);
      await up();
    }, 300_000);
    const before = await runningContainers(STACK);
    const former = await tokenOf(inject("connection"));
    const counts = await statusesDuring(former, () => mustRun(process.execPath, rotate("token-key")));
    console.log(`rotation: ${JSON.stringify(counts)}`);
    expect(Object.keys(counts)).toEqual(["400"]);
    const rotated = await tokenOf(await stackConnection());
    const kids = [former, rotated].map((token) => JSON.parse(atob(token.split(".")[0] as string)).kid);
    expect(new Set(kids).size).toBe(2);
    expect(await ask(rotated)).toBe(400);

    const early = await run(process.execPath, rotate("token-key", "--finish"), { cwd: ROOT });
    expect(early.code).toBe(3);
    expect(early.stdout).toMatch(/may be in use until/);

    // Back to the first key: whichever key is taken out of the settings, its tokens are refused.
    writeSettings(BASE_SETTINGS);
    await up();
    await eventually("the new key is withdrawn", async () => (await ask(rotated)) === 401);
    expect(await ask(former)).toBe(400);
    expect(await runningContainers(STACK)).toEqual(before);
  });
});

describe("a rotation of the personal fields' key", () => {
  /** Writes users with a former program's keys until told to stop; returns how many. */
  async function writeUsers(keys: KeyRing, goesOn: () => boolean): Promise<number> {
    const key = keys.encryption.get(keys.newest);
    if (key === undefined) throw new Error("the stack has no key");
    return withSession(inject("connection").pooler, "app", async (client) => {
      for (let written = 0; ; written += 1) {
        if (!goesOn()) return written;
        const email = `rotation-${Date.now()}-${written}@example.org`;
        await client.query(
          `INSERT INTO users (wallet_address, email_ciphertext, email_index, password_hash, key_version) VALUES ($1, $2, $3, '!', $4)`,
          [
            `DU-${hash("sha256", email).slice(0, 16)}`,
            seal(email, key),
            blindIndex(email, keys.index),
            keys.newest,
          ],
        );
        await pause(20);
      }
    });
  }

  it("encrypts every user anew while others are written, replaces no container, and withdraws the former key", {
    timeout: 300_000,
  }, async () => {
    onTestFailed(async () => {
      writeSettings(BASE_SETTINGS);
      await up();
    }, 300_000);
    const before = await runningContainers(STACK);
    const ring = async () => keyRing((await stackConnection()).personalKeys);
    const former = await ring();
    let rotating = true;
    const writing = writeUsers(former, () => rotating);
    try {
      await mustRun(process.execPath, rotate("personal-fields"));
    } finally {
      rotating = false;
    }
    const written = await writing;
    expect([...(await ring()).encryption.keys()]).toEqual([former.newest, former.newest + 1]);

    await mustRun(process.execPath, rotate("personal-fields", "--finish"));
    const { encryption, index, newest } = await ring();
    expect([...encryption.keys()]).toEqual([former.newest + 1]);
    await withSession(inject("connection").writer, "owner", async (owner) => {
      const { rows } = await owner.query("SELECT key_version, email_ciphertext, email_index FROM users");
      expect(rows.length).toBeGreaterThanOrEqual(written);
      expect(written).toBeGreaterThan(10);
      const opened = rows.filter(({ key_version, email_ciphertext, email_index }) => {
        const email = key_version === newest && unseal(email_ciphertext, encryption.get(newest) as KeyObject);
        return email && blindIndex(email, index).equals(email_index);
      });
      expect(opened.length).toBe(rows.length);
      // With the settings from before goes the key of these rows.
      await owner.query("DELETE FROM users");
    });
    writeSettings(BASE_SETTINGS);
    await up();
    expect(await runningContainers(STACK)).toEqual(before);
  });
});

/** What watches is replaced: nobody asks it for data. */
const WATCHES = /exporter|prometheus|alertmanager|grafana/;

describe("a rotation of certificates", () => {
  it("fails no request, replaces nothing that serves, and leaves nothing for an up to do", {
    timeout: 300_000,
  }, async () => {
    const before = await runningContainers(STACK);
    const shown = async () => (await certificateOf(inject("connection").redis[0]?.published)).fingerprint256;
    const former = await shown();
    const counts = await statusesDuring(await tokenOf(inject("connection")), () =>
      mustRun(process.execPath, rotate("certificates")),
    );
    console.log(`rotation of certificates: ${JSON.stringify(counts)}`);
    expect(Object.keys(counts)).toEqual(["400"]);
    expect(await shown()).not.toBe(former);
    const after = await runningContainers(STACK);
    const replaced = [...before].filter(([member, id]) => after.get(member) !== id).map(([member]) => member);
    expect(replaced.filter((member) => !WATCHES.test(member))).toEqual([]);
    expect(await up()).toMatch(UNCHANGED);
  });
});

/** What a port shows to whoever comes. */
function certificateOf(port: number | undefined): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate() as X509Certificate);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
