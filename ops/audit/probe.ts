import type { X509Certificate } from "node:crypto";
import { connect as connectPlain, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";

/** How a port starts to speak: TLS at once, PostgreSQL's question first, or HTTP in clear. */
export type Opening = "tls" | "postgres" | "http";

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** PostgreSQL's request for TLS: length 8, code 80877103. */
const TLS_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const PATIENCE = 3_000;

const HTTP = Buffer.from("GET / HTTP/1.0\r\n\r\n");
const REDIS = Buffer.from("PING\r\n");

/** A question that whatever listens would answer. */
export function question({
  opening,
  member,
}: {
  readonly opening: Opening;
  readonly member: string;
}): Buffer {
  if (opening === "postgres") return startupMessage("dujyo_app", "dujyo_blockchain");
  return member.startsWith("redis-") && !member.includes("exporter") ? REDIS : HTTP;
}

/** A start-up message without TLS, as a driver would send it. */
export function startupMessage(user: string, database: string): Buffer {
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, "latin1");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
}

/** What a port answers to bytes in clear; empty where it only closes or stays silent. @throws where nobody listens */
export async function askInClear(place: Place, question: Buffer): Promise<Buffer> {
  const socket = await openSocket(place);
  socket.write(question);
  return readAll(socket);
}

/** How a handshake ended: what the far side answered to `question` after it, or why it refused. */
export type Handshake =
  | { readonly done: true; readonly answer: Buffer; readonly protocol: string | null }
  | { readonly done: false; readonly reason: string };

/**
 * Shakes hands and asks something: a server that wants another certificate says so only after its side of a TLS 1.3
 * handshake is over, so that an answer alone proves that it let the client in.
 */
export async function shakeHands(
  place: Place,
  opening: Opening,
  options: ConnectionOptions,
  question: Buffer,
  onCertificate: (shown: X509Certificate) => void = () => undefined,
): Promise<Handshake> {
  const plain = await openSocket(place);
  if (opening === "postgres") {
    plain.write(TLS_REQUEST);
    const answer = await new Promise<Buffer>((resolve) =>
      plain.once("data", resolve).once("close", () => resolve(Buffer.of())),
    );
    if (answer.toString("latin1") !== "S") {
      plain.destroy();
      return { done: false, reason: "offers no TLS" };
    }
  }
  let socket: TLSSocket | undefined;
  try {
    socket = await new Promise<TLSSocket>((resolve, reject) => {
      const secure = connectTls({ socket: plain, ...options }, () => resolve(secure));
      secure.on("error", reject).on("close", () => reject(new Error("closed")));
    });
    const protocol = socket.getProtocol();
    const shown = socket.getPeerX509Certificate();
    if (shown) onCertificate(shown);
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.write(question);
    const answer = await readAll(socket);
    if (failure) return { done: false, reason: failure.message };
    return { done: true, answer, protocol };
  } catch (error) {
    return { done: false, reason: (error as Error).message };
  } finally {
    plain.destroy();
  }
}

function openSocket({ host, port }: Place): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectPlain({ host, port, timeout: PATIENCE }, () => resolve(socket));
    socket.on("error", reject);
    socket.on("timeout", () => {
      socket.destroy();
      reject(new Error(`${host}:${port} does not answer`));
    });
  });
}

/** The first answer, or nothing where the far side closes or is silent. */
function readAll(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => done(Buffer.of()), PATIENCE);
    const done = (answer: Buffer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", done);
    socket.once("close", () => done(Buffer.of()));
    socket.on("error", () => undefined);
  });
}
