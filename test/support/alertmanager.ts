import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createListener, type Server as Listener } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SMTPServer } from "smtp-server";
import { alertmanagerFiles, secretPath } from "../../infra/components/monitoring/alert-routing.ts";
import { imageRef } from "../../infra/images.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { mustRun, run } from "../../tools/process.ts";
import { eventually } from "./faults.ts";
import { writeSelfSigned } from "./self-signed.ts";

/** What a receiver was sent. */
export interface Message {
  /** Path of the request, `/slack` for example. */
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** A mail as it came in, header and text. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string;
  readonly source: string;
}

interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Alerts that are one message, and not silenced. */
export interface Group {
  readonly receiver: { readonly name: string };
  readonly alerts: readonly (PostedAlert & { readonly fingerprint: string })[];
}

const MAIL_CERTIFICATE = "mail.crt";

/** The project's Alertmanager with a configuration as it is deployed, and somebody on this machine who receives. */
export class AlertmanagerUnderTest {
  readonly messages: Message[] = [];
  readonly mails: Mail[] = [];
  readonly #server: Server;
  #mailServer: SMTPServer | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), "dujyo-alertmanager-"));
  #base = "";
  #container = "";

  constructor() {
    this.#server = createServer((request, response) => {
      let text = "";
      request.on("data", (part) => {
        text += part;
      });
      request.on("end", () => {
        this.messages.push({ path: request.url ?? "", body: JSON.parse(text) as Message["body"] });
        response.writeHead(202).end("ok");
      });
    });
  }

  /**
   * Starts it with receivers `chat` (Slack), `duty` (PagerDuty) and `post` (e-mail, for information alone), and
   * a heartbeat, all of them here; it hardly waits.
   */
  async start(): Promise<void> {
    const here = `http://127.0.0.1:${await listen(this.#server)}`;
    const secrets: Record<string, string> = {
      chat: `${here}/slack`,
      duty: "0123456789abcdef0123456789abcdef",
      post: "the mail server's password",
      heartbeat: `${here}/heartbeat`,
    };
    const { monitoring } = parseSettings("dev", {
      monitoring: {
        alertPace: 0.01,
        heartbeat: true,
        receivers: [
          { name: "chat", type: "slack", channel: "#oncall", severities: ["page", "ticket"] },
          { name: "duty", type: "pagerduty", url: `${here}/pagerduty` },
          {
            ...{ name: "post", type: "email", to: "oncall@example.com", from: "dujyo@example.com" },
            ...{ smarthost: await this.#startMailServer(secrets.post as string), username: "dujyo" },
            severities: ["info"],
          },
        ],
      },
      receiverSecrets: secrets,
    });
    for (const { path, content } of alertmanagerFiles(monitoring)) this.#write(path, content as string);
    for (const [name, secret] of Object.entries(secrets)) this.#write(secretPath(name), secret);
    const port = await freePort();
    this.#base = `http://127.0.0.1:${port}/api/v2`;
    const id = await mustRun("docker", [
      // Both sides listen on loopback alone, so it shares this machine's.
      ...["run", "--detach", "--rm", "--network", "host", "--read-only", "--tmpfs", "/tmp:mode=1777"],
      ...["--volume", `${this.#folder}:/etc/dujyo:ro`, "--entrypoint", "prometheus-alertmanager"],
      // The mail server's root, in the place of the system's.
      ...["--env", `SSL_CERT_FILE=/etc/dujyo/${MAIL_CERTIFICATE}`],
      ...[imageRef("alertmanager"), "--config.file=/etc/dujyo/alertmanager.yml", "--storage.path=/tmp"],
      ...[`--web.listen-address=127.0.0.1:${port}`, "--cluster.listen-address=", "--log.level=warn"],
    ]);
    this.#container = id.trim();
    await eventually("Alertmanager answers", async () => (await fetch(`${this.#base}/status`)).ok);
  }

  async stop(): Promise<void> {
    if (this.#container) await run("docker", ["rm", "--force", "--volumes", this.#container]);
    await new Promise((resolve) => this.#server.close(resolve));
    await new Promise<void>((resolve) => (this.#mailServer ? this.#mailServer.close(resolve) : resolve()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Lets alerts fire until {@link resolve}. */
  fire(alerts: readonly PostedAlert[]): Promise<void> {
    return this.#post(alerts, new Date(Date.now() + 600_000));
  }

  resolve(alerts: readonly PostedAlert[]): Promise<void> {
    return this.#post(alerts, new Date());
  }

  /** Groups of alerts that fire; those of which nothing is told, because another explains them, on demand. */
  async groups({ inhibited = false } = {}): Promise<Group[]> {
    const response = await fetch(`${this.#base}/alerts/groups?inhibited=${inhibited}`);
    return (await response.json()) as Group[];
  }

  /** Number of alerts that fire and have found their groups, inhibited ones among them. */
  async firing(): Promise<number> {
    const groups = await this.groups({ inhibited: true });
    return new Set(groups.flatMap(({ alerts }) => alerts.map(({ fingerprint }) => fingerprint))).size;
  }

  async #post(alerts: readonly PostedAlert[], endsAt: Date): Promise<void> {
    const startsAt = new Date(Date.now() - 1_000).toISOString();
    const response = await fetch(`${this.#base}/alerts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(alerts.map((alert) => ({ ...alert, startsAt, endsAt: endsAt.toISOString() }))),
    });
    if (!response.ok) throw new Error(`Alertmanager refused the alerts: ${await response.text()}`);
  }

  /** A mail server that takes nothing in clear, nor from anybody but its user. Returns its address. */
  async #startMailServer(password: string): Promise<string> {
    const key = join(this.#folder, "mail.key");
    const certificate = join(this.#folder, MAIL_CERTIFICATE);
    await writeSelfSigned(key, certificate, ["localhost"]);
    const server = new SMTPServer({
      ...{ key: readFileSync(key), cert: readFileSync(certificate), authMethods: ["PLAIN"], logger: false },
      onAuth: (given, _session, done) =>
        given.username === "dujyo" && given.password === password
          ? done(null, { user: given.username })
          : done(new Error("no such user")),
      onData: (stream, { envelope, user }, done) => {
        let source = "";
        stream.setEncoding("utf8").on("data", (part) => {
          source += part;
        });
        stream.on("end", () => {
          const from = envelope.mailFrom ? envelope.mailFrom.address : "";
          this.mails.push({
            from,
            to: envelope.rcptTo.map(({ address }) => address),
            user: String(user),
            source,
          });
          done();
        });
      },
    });
    this.#mailServer = server;
    return `localhost:${await listen(server)}`;
  }

  #write(path: string, text: string): void {
    const file = join(this.#folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    // Its user is another than this one.
    for (const folder of [this.#folder, dirname(file)]) chmodSync(folder, 0o755);
  }
}

function listen(server: Listener | SMTPServer): Promise<number> {
  return new Promise((resolve) => {
    const listener = server.listen(0, "127.0.0.1", () => resolve((listener.address() as AddressInfo).port));
  });
}

async function freePort(): Promise<number> {
  const probe = createListener();
  const port = await listen(probe);
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
