import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { mustRun } from "../../../tools/process.ts";
import type { Answer, Check } from "../check.ts";
import { type Listener, listeners } from "../listeners.ts";
import { askInClear, question, shakeHands } from "../probe.ts";
import type { Scene } from "../scene.ts";

/** Whether an answer in clear is no service: nothing, an alert of TLS, an error of PostgreSQL, "this is an HTTPS port". */
export function isRefusal(answer: Buffer): boolean {
  const text = answer.toString("latin1");
  return (
    text === "" ||
    answer[0] === 0x15 ||
    (answer[0] === 0x45 && answer[1] === 0) ||
    /^HTTP\/1\.[01] 400 /.test(text)
  );
}

async function each(
  places: readonly Listener[],
  evidence: string,
  ask: (place: Listener) => Promise<string | undefined>,
): Promise<Answer> {
  const answers = await Promise.all(
    places.map(async (place) => {
      const offence = await ask(place);
      return offence === undefined ? [] : [`${place.member}:${place.port} ${offence}`];
    }),
  );
  return { asked: places.length, offences: answers.flat(), evidence: `${places.length} ports: ${evidence}` };
}

/** The client's view without any check of its own: whatever is refused, the far side has refused. */
const TRUSTING: ConnectionOptions = { rejectUnauthorized: false };

/** Offences of ports that serve whoever comes without TLS. */
export function answersInClear(places: readonly Listener[]): Promise<Answer> {
  return each(places, "a client without TLS", async (place) => {
    const answer = await askInClear(place, question(place));
    return isRefusal(answer) ? undefined : "serves a client without TLS";
  });
}

/** Offences of ports that take TLS 1.0 or 1.1. */
export function takesOldTls(places: readonly Listener[]): Promise<Answer> {
  const old = {
    ...TRUSTING,
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "ALL:@SECLEVEL=0",
  } as const;
  return each(places, "a client that knows TLS 1.0 and 1.1 only", async (place) => {
    const result = await shakeHands(place, place.opening, old, question(place));
    return result.done ? `speaks ${result.protocol}` : undefined;
  });
}

/** Offences of ports that let in whoever has no certificate, or one of a foreign authority. */
export function takesStrangers(
  places: readonly Listener[],
  certificate?: Pick<ConnectionOptions, "cert" | "key">,
): Promise<Answer> {
  const who = certificate
    ? "a client with a certificate of a foreign authority"
    : "a client without a certificate";
  return each(places, who, async (place) => {
    const result = await shakeHands(place, place.opening, { ...TRUSTING, ...certificate }, question(place));
    return result.done && result.answer.length > 0 ? `serves ${who}` : undefined;
  });
}

/** A certificate that no authority of the stack has signed. */
async function foreignCertificate(): Promise<Pick<ConnectionOptions, "cert" | "key">> {
  const folder = mkdtempSync(join(tmpdir(), "dujyo-audit-"));
  try {
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    await mustRun("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
      ...["-subj", "/CN=postgres-client", "-keyout", key, "-out", cert],
    ]);
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What is wrong with the certificate that a member shows: signed by none of the stack's roots, or for other members too. */
export function wrongIdentity(
  shown: X509Certificate,
  member: string,
  others: readonly string[],
  authorities: Iterable<string>,
): string[] {
  const signers = [...authorities].filter((root) => {
    const authority = new X509Certificate(root);
    return shown.checkIssued(authority) && shown.verify(authority.publicKey);
  });
  const foreign = others.filter((other) => other !== member && shown.checkHost(other) !== undefined);
  return [
    ...(signers.length === 1
      ? []
      : [`shows a certificate that ${signers.length} roots of the stack vouch for`]),
    ...(shown.checkHost(member) === undefined ? [`shows a certificate that does not name ${member}`] : []),
    ...(foreign.length === 0 ? [] : [`shows a certificate that also names ${foreign.join(", ")}`]),
  ];
}

async function identities(scene: Scene): Promise<Answer> {
  const places = encrypted(scene).filter(({ member }) => !/^haproxy/.test(member));
  const members = scene.members.map(({ name }) => name);
  const shown = new Set<string>();
  const answer = await each(
    places,
    "each shows a certificate of one root of the stack, for its own name and no other member's",
    async (place) => {
      let certificate: X509Certificate | undefined;
      await shakeHands(place, place.opening, TRUSTING, question(place), (peer) => {
        certificate = peer;
      });
      if (!certificate) return "shows no certificate";
      shown.add(createHash("sha256").update(certificate.raw).digest("hex"));
      const wrong = wrongIdentity(certificate, place.member, members, scene.authorities.values());
      return wrong.length > 0 ? wrong.join("; ") : undefined;
    },
  );
  return { ...answer, evidence: `${answer.evidence}; ${shown.size} certificates` };
}

/** All but the pages. */
function encrypted(scene: Scene): Listener[] {
  return listeners(scene).filter(({ opening }) => opening !== "http");
}

/** Members that publish a port on another address than loopback. */
export function beyondLoopback(containers: Scene["containers"]): Answer {
  const published = containers.flatMap(({ Name, NetworkSettings }) =>
    Object.entries(NetworkSettings.Ports).flatMap(([port, bindings]) =>
      (bindings ?? []).map(({ HostIp }) => ({ what: `${Name.slice(1)} ${port}`, HostIp })),
    ),
  );
  return {
    asked: published.length,
    offences: published
      .filter(({ HostIp }) => HostIp !== "127.0.0.1")
      .map(({ what, HostIp }) => `${what} is published on ${HostIp}`),
    evidence: `${published.length} published ports`,
  };
}

export const LINKS: readonly Check[] = [
  {
    id: "links/plaintext",
    title: "No port serves a client that speaks no TLS",
    ask: (scene) => answersInClear(listeners(scene)),
  },
  {
    id: "links/old-tls",
    title: "No port takes TLS 1.0 or 1.1",
    ask: (scene) => takesOldTls(encrypted(scene)),
  },
  {
    id: "links/no-certificate",
    title: "Ports of the control plane and of figures serve nobody without a certificate",
    ask: (scene) => takesStrangers(encrypted(scene).filter(({ mutual }) => mutual)),
  },
  {
    id: "links/foreign-certificate",
    title: "Nor anybody with a certificate of a foreign authority",
    ask: async (scene) =>
      takesStrangers(
        encrypted(scene).filter(({ mutual }) => mutual),
        await foreignCertificate(),
      ),
  },
  {
    id: "links/identity",
    title: "Every member shows a certificate for its own name, of one root of the stack",
    ask: identities,
  },
  {
    id: "links/loopback",
    title: "Ports are published on loopback alone",
    ask: async ({ containers }) => beyondLoopback(containers),
  },
];
