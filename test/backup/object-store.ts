import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { BASE_IMAGE, contentDigest } from "../../infra/images.ts";
import { CACHE, ROOT } from "../../tools/layout.ts";
import { findGo, goBuild } from "../../tools/setup/go-toolchain.ts";
import { Progress, type Step } from "../../tools/setup/progress.ts";
import { ownedLabels, removeLeftovers } from "../support/scratch-leftovers.ts";
import { writeSelfSigned } from "../support/self-signed.ts";

process.env.TESTCONTAINERS_RYUK_DISABLED = "true";

const NAME = "versitygw";
/** Names its release. */
const SOURCE = join(ROOT, "tools/go", NAME);
const PROGRAM = join(CACHE, `${NAME}-${contentDigest(SOURCE).slice(0, 12)}`);
const HOST = "objects.example";
const PORT = 9_000;
const BUCKET = "ledger";
const REGION = "eu-test-1";

async function ensureProgram(step: Step): Promise<void> {
  if (existsSync(PROGRAM)) return step.origin("cached");
  step.origin("fallback");
  step.note("building an object store from Go modules, some minutes once for all clones");
  mkdirSync(dirname(PROGRAM), { recursive: true });
  const source = { folder: SOURCE, package: "github.com/versity/versitygw/cmd/versitygw" };
  await goBuild(step, await findGo(step), source, `${PROGRAM}.part`);
  renameSync(`${PROGRAM}.part`, PROGRAM);
}

/** An S3-compatible store in a stack's network, for a test: TLS alone, every signature verified, one empty bucket. */
export class ObjectStore {
  /** For the stack's `backup.s3`. */
  readonly settings: object;
  /** For the stack's `backupSecrets`. */
  readonly secrets: { readonly key: string; readonly keySecret: string };
  readonly #container: StartedTestContainer;

  private constructor(
    container: StartedTestContainer,
    rootCertificate: string,
    secrets: ObjectStore["secrets"],
  ) {
    this.#container = container;
    this.secrets = secrets;
    this.settings = {
      ...{ endpoint: `https://${HOST}:${PORT}`, bucket: BUCKET, region: REGION, uriStyle: "path" },
      rootCertificate,
    };
  }

  static async start(stack: string): Promise<ObjectStore> {
    await new Progress().step("object store", ensureProgram);
    await removeLeftovers("object-store");
    const folder = mkdtempSync(join(tmpdir(), "dujyo-"));
    try {
      const [key, certificate] = [join(folder, "key"), join(folder, "certificate")] as const;
      await writeSelfSigned(key, certificate, [HOST]);
      const secrets = { key: randomBytes(10).toString("hex"), keySecret: randomBytes(20).toString("hex") };
      const start = [
        `mkdir --parents /objects/${BUCKET}`,
        `exec ${NAME} --port :${PORT} --cert /run/certificate --key /run/key --region ${REGION} posix /objects`,
      ];
      const container = await new GenericContainer(BASE_IMAGE)
        .withCopyFilesToContainer([
          { source: PROGRAM, target: `/usr/local/bin/${NAME}`, mode: 0o755 },
          { source: key, target: "/run/key" },
          { source: certificate, target: "/run/certificate" },
        ])
        .withEnvironment({ ROOT_ACCESS_KEY: secrets.key, ROOT_SECRET_KEY: secrets.keySecret })
        .withLabels(ownedLabels("object-store"))
        .withNetworkMode(`dujyo-${stack}`)
        .withNetworkAliases(HOST)
        .withEntrypoint(["/bin/sh", "-c"])
        .withCommand([start.join(" && ")])
        .withWaitStrategy(Wait.forSuccessfulCommand(`bash -c '</dev/tcp/127.0.0.1/${PORT}'`))
        .start();
      return new ObjectStore(container, readFileSync(certificate, "utf8"), secrets);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Files of the bucket whose beginning is not that of an enciphered one; bundles, which have none, apart. */
  async inClear(): Promise<{ readonly asked: number; readonly clear: readonly string[] }> {
    const look =
      `cd /objects/${BUCKET} && find . -type f -size +0c ! -path '*/bundle/*' ! -path './.sgwtmp/*' | while read -r f; do ` +
      '[ "$(head -c 8 "$f" | tr -d "\\0")" = Salted__ ] && echo cipher || echo "$f"; done';
    const { output } = await this.#container.exec(["sh", "-c", look]);
    const lines = output.split("\n").filter(Boolean);
    return { asked: lines.length, clear: lines.filter((line) => line !== "cipher") };
  }

  async stop(): Promise<void> {
    await this.#container.stop();
  }
}
