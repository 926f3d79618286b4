import { imageRef } from "../../../infra/images.ts";
import { mustRun, run } from "../../../tools/process.ts";
import { freePort } from "../processes.ts";

const CONTAINER = "dujyo-bench-scratch-redis";
const TLS = "/etc/dujyo/tls";

/** One Redis node that owns all slots, with the stack's image, certificates and cluster mode. */
export interface ScratchRedis {
  /** For the service, run on this machine. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs a program of the image against the node, as `docker run` does with these options before the image. */
  run(program: string, args: readonly string[], options?: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** A node of its own, which lets in without a password: redis-benchmark takes one as an argument only. */
export async function startScratchRedis(): Promise<ScratchRedis> {
  const port = await freePort();
  const container = ["run", "--rm", "--network", "host", "--volumes-from", "dujyo-bench-redis-0:ro"];
  const image = imageRef("redis");
  const client = ["--tls", "--cacert", `${TLS}/ca.crt`, "-h", "localhost", "-p", String(port)];
  await run("docker", ["rm", "--force", CONTAINER]);
  await mustRun("docker", [
    ...[...container, "--detach", "--name", CONTAINER, "--entrypoint", "redis-server", image],
    ...["--bind", "127.0.0.1", "--port", "0", "--tls-port", String(port), "--save", "", "--dir", "/tmp"],
    ...["--tls-cert-file", `${TLS}/server.crt`, "--tls-key-file", `${TLS}/server.key`],
    ...["--tls-ca-cert-file", `${TLS}/ca.crt`, "--tls-auth-clients", "no"],
    ...["--cluster-enabled", "yes", "--cluster-port", String(await freePort())],
    ...["--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname"],
  ]);
  const stop = async (): Promise<void> => {
    await mustRun("docker", ["stop", CONTAINER]);
  };
  try {
    const answer = await mustRun("docker", [
      ...["exec", CONTAINER, "sh", "-c"],
      `until redis-cli ${client.join(" ")} PING; do sleep 0.1; done && redis-cli ${client.join(" ")} CLUSTER ADDSLOTSRANGE 0 16383`,
    ]);
    if (!answer.includes("OK")) throw new Error(`the scratch node takes no slots: ${answer}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    environment: {
      ...{ REDIS_NODES: `localhost:${port}`, REDIS_ADDRESS_MAP: "", REDIS_USER: "default" },
      // A client asks until it has found the node, and more is in flight than a service that answers in time would have.
      ...{ BREAKER_FAILURES: "1000", REDIS_COMMAND_TIMEOUT_MS: "3000" },
    },
    run: (program, args, options = []) =>
      mustRun("docker", [...container, ...options, "--entrypoint", program, image, ...client, ...args]),
    stop,
  };
}
