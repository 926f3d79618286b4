import { imageRef } from "../../../infra/images.ts";
import { mustRun, run } from "../../../tools/process.ts";
import type { Comparison, Variant } from "../comparison.ts";
import { worker } from "../load/worker.ts";
import { freePort, GENERATOR_CORE } from "../processes.ts";

const KEYS = 1_000;
const IN_FLIGHT = 256;
const CONTAINER = "dujyo-bench-scratch-redis";
const TLS = "/etc/dujyo/tls";

export const cacheOperations: Comparison = {
  name: "p6",
  title: "Cache operations of one process, against redis-benchmark",
  load: `Reads of ${KEYS} entries of a balance on one Redis node with the stack's image, certificates and cluster mode. "service": the service's cache port, one connection, ${IN_FLIGHT} reads in flight. "redis-benchmark": GET of the same keys at random, 50 connections, 16 in a pipeline. TLS both. No writes.`,
  goals: [
    {
      ...{ what: "reads of a process through the cache port / redis-benchmark -P 16", figure: "perSecond" },
      ...{ of: "service", against: "redis-benchmark", bound: { atLeast: 0.15 } },
    },
    {
      ...{ what: "reads of a process a second", figure: "perSecond", of: "service" },
      bound: { atLeast: 50_000 },
    },
  ],
  async prepare(stack) {
    // A node of its own, which lets in without a password: redis-benchmark takes one as an argument only.
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
    const service = worker("service", "cache-reads.ts", {
      ...stack.environment,
      ...{ REDIS_NODES: `localhost:${port}`, REDIS_ADDRESS_MAP: "", REDIS_USER: "default" },
      // It asks until the node has been found, and more is in flight than a service that answers in time would have.
      ...{ BREAKER_FAILURES: "1000", REDIS_COMMAND_TIMEOUT_MS: "3000" },
      ...{ KEYS: String(KEYS), IN_FLIGHT: String(IN_FLIGHT) },
    });
    let expected = 100_000;
    const benchmark: Variant = {
      name: "redis-benchmark",
      async measure(seconds) {
        // It counts requests, not seconds: as many as took so long the last time.
        const output = await mustRun("docker", [
          ...[...container, "--cpuset-cpus", GENERATOR_CORE, "--entrypoint", "redis-benchmark", image],
          ...[...client, "-n", String(Math.ceil(expected * seconds)), "-c", "50", "-P", "16", "-q"],
          ...["-r", String(KEYS), "GET", "bench:{__rand_int__}"],
        ]);
        const perSecond = Number(/([\d.]+) requests per second/.exec(output.split("\r").at(-1) ?? "")?.[1]);
        expected = perSecond;
        return { perSecond };
      },
    };
    // The service writes the entries that both read.
    return { variants: [service, benchmark], stop };
  },
};
