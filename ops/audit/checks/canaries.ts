import { randomBytes } from "node:crypto";
import { PORTS } from "../../../infra/ports.ts";
import { type Captured, capture } from "../capture.ts";
import type { Answer, Check } from "../check.ts";
import { listeners } from "../listeners.ts";
import { shakeHands } from "../probe.ts";
import type { Scene } from "../scene.ts";

/** Sent in clear on purpose: a capture that does not find it has seen nothing. */
const CONTROL = "control";

/** Texts that nobody else sends, by the link that carries them. */
export function makeCanaries(): Readonly<Record<string, string>> {
  const names = ["sql-and-cache", "replication", "patroni", "etcd", CONTROL];
  return Object.fromEntries(names.map((name) => [name, `canary-${randomBytes(16).toString("hex")}`]));
}

/** Offences of a capture; secrets of the stack and canaries look alike to it. */
export function judgeCapture(
  { packets, dropped, ports, found }: Captured,
  listened: readonly number[],
): Answer {
  const heard = listened.filter((port) => ports.includes(port));
  const inClear = found.filter(([name]) => name !== CONTROL);
  return {
    asked: packets,
    offences: [
      ...(inClear.length === found.length ? ["what was sent in clear on purpose was not seen"] : []),
      ...inClear.map(([name, from, to]) => `${name} went in clear from ${from} to ${to}`),
    ],
    evidence: `${packets} packets of ${heard.length} ports (${heard.join(", ")}), ${dropped} missed`,
  };
}

/** Sends each canary over its link, the way the stack itself uses it. */
export async function sendCanaries(scene: Scene, canaries: Readonly<Record<string, string>>): Promise<void> {
  const named = (part: string) =>
    scene.members.filter((member) => member.part === part).map(({ name }) => name);
  // A balance that was never asked for goes from the API through pooler and endpoint to a member, and into the cache.
  const api = listeners(scene).find(({ member, port }) => /^api/.test(member) && port === PORTS.api);
  const request = Buffer.from(`GET /balance/${canaries["sql-and-cache"]} HTTP/1.0\r\n\r\n`);
  const result = api && (await shakeHands(api, "tls", { rejectUnauthorized: false }, request));
  if (!result?.done || !/^HTTP\/1\.[01] 200 /.test(result.answer.toString("latin1")))
    throw new Error("the API does not answer with a balance");
  await scene.sql(`SELECT pg_logical_emit_message(true, 'audit', '${canaries.replication}')`);
  const members = named("postgres");
  for (const asking of members)
    for (const asked of members)
      await mustExec(scene, asking, ["patroni-ask", "GET", asked, `/${canaries.patroni}`]);
  const [etcd = ""] = named("etcd");
  await mustExec(scene, etcd, ["etcd-ask", "put", "dujyo-audit", canaries.etcd ?? ""]);
  await mustExec(scene, etcd, ["etcd-ask", "del", "dujyo-audit"]);
  await sendInClear(scene, canaries[CONTROL] ?? "");
}

async function mustExec(scene: Scene, member: string, command: readonly string[]): Promise<void> {
  const { code, stderr } = await scene.exec(member, command);
  if (code !== 0) throw new Error(`${command[0]} on ${member}: ${stderr.trim()}`);
}

/** Sends a text without TLS from a member to HAProxy, which passes it on to a member of PostgreSQL. */
export async function sendInClear(scene: Scene, text: string): Promise<void> {
  await mustExec(scene, "pgbouncer", ["bash", "-c", `echo ${text} >/dev/tcp/haproxy/${PORTS.writer}`]);
}

/** Captures while canaries are sent. */
export async function askNetwork(
  scene: Scene,
  send: (canaries: Readonly<Record<string, string>>) => Promise<void>,
): Promise<Answer> {
  const canaries = makeCanaries();
  const needles = { ...Object.fromEntries(scene.secrets), ...canaries };
  const captured = await capture(scene, needles, () => send(canaries));
  return judgeCapture(captured, [...new Set(listeners(scene).map(({ port }) => port))]);
}

export const CANARIES: readonly Check[] = [
  {
    id: "links/capture",
    title: "The network carries neither canaries nor secrets in clear",
    ask: (scene) => askNetwork(scene, (canaries) => sendCanaries(scene, canaries)),
  },
];
