import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { run } from "../../tools/process.ts";

const CHECK = resolve(import.meta.dirname, "../../infra/images/exporters/bin/member-health");
const folder = mkdtempSync(join(tmpdir(), "dujyo-health-"));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

/** A line of the kernel's table of sockets, as it prints them. */
function socket(local: string, remote: string, state: string, retransmissions = "00000000"): string {
  return `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 ${retransmissions} 10001        0 4711 1 0 100 0 0 10 0`;
}

// Port 9187 is 23E3, 5432 is 1538.
const LISTENS = socket("00000000:23E3", "00000000:0000", "0A");
const asks = (retransmissions: string, port = "1538") =>
  socket("0100007F:9C40", `0100007F:${port}`, "01", retransmissions);

/** The check's exit code where the kernel has these sockets. */
async function health(sockets: readonly string[], target?: string): Promise<number> {
  writeFileSync(join(folder, "tcp"), [HEADER, ...sockets, ""].join("\n"));
  writeFileSync(join(folder, "tcp6"), `${HEADER}\n`);
  const { code } = await run("/bin/sh", [CHECK], {
    env: { PATH: process.env.PATH, EXPORTER_PORT: "9187", PROC_NET: folder, EXPORTER_TARGET: target },
  });
  return code;
}

describe("the health of an exporter", () => {
  it.each([
    ["listens and asks", [LISTENS, asks("00000000")], 0],
    ["has sent the same four times more", [LISTENS, asks("00000004")], 0],
    ["has sent the same five times more: nobody is there", [LISTENS, asks("00000005")], 1],
    ["has sent it ten times more", [LISTENS, asks("0000000A")], 1],
    [
      "has it between a session that is well and its listener",
      [asks("00000007"), asks("00000000"), LISTENS],
      1,
    ],
    ["waits for somebody else, who asked it", [LISTENS, asks("00000009", "D431")], 0],
    ["does not listen", [asks("00000000")], 1],
    ["is asked, but does not listen", [socket("0100007F:23E3", "0100007F:D431", "01")], 1],
  ])("of one that %s", async (_, sockets, code) => {
    expect(await health(sockets, "postgres-0:5432")).toBe(code);
  });

  it("of one that asks no single part", async () => {
    expect(await health([LISTENS, asks("00000009")])).toBe(0);
  });
});
