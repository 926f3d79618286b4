import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import type { TestProject } from "vitest/node";
import { imageRef } from "../../infra/images.ts";
import { ensureBaseImage } from "../../tools/setup/base-image.ts";
import { ensureDockerEngine } from "../../tools/setup/docker-engine.ts";
import { Progress } from "../../tools/setup/progress.ts";
import { ensureProjectImages } from "../../tools/setup/project-images.ts";
import { ownedLabels, removeLeftovers } from "./scratch-leftovers.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Port on 127.0.0.1 of a PostgreSQL that trusts everybody. */
    scratchPort: number;
    /** Name of its container. */
    scratchContainer: string;
  }
}

// Its cleaning container comes from a registry; this container is stopped below, or removed by the next run.
process.env.TESTCONTAINERS_RYUK_DISABLED = "true";

/** @param parameters further ones of the server, such as `-c wal_level=logical` */
const start = (parameters: string): string =>
  [
    "set -eu",
    "export PGDATA=/var/lib/dujyo/pgdata",
    "initdb --username=postgres --auth=trust --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C.UTF-8 >/dev/null",
    'echo "host all all all trust" >> "$PGDATA/pg_hba.conf"',
    // What a crash would lose is a test's; the planner's settings are those of config/patroni/dynamic.yml.
    // A test may kill the postmaster: the next one starts when the last orphan has let go of the memory.
    "stop() { kill -INT $server; wait $server; exit 0; }; trap stop TERM INT",
    "while :; do postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off -c shared_preload_libraries=pg_stat_statements,pgaudit " +
      `-c max_connections=100 -c shared_buffers=256MB -c jit=off -c random_page_cost=1.1 -c max_parallel_workers_per_gather=0 -c max_locks_per_transaction=128 ${parameters} & ` +
      "server=$!; wait $server || true; sleep 0.2; done",
  ].join("\n");

/** A PostgreSQL of the project's own image, which has to be there: no replicas, no TLS, trusting everybody, empty. */
export function startScratchPostgres(parameters = ""): Promise<StartedTestContainer> {
  return new GenericContainer(imageRef("postgres"))
    .withEntrypoint(["/usr/bin/tini", "--", "sh", "-c"])
    .withCommand([start(parameters)])
    .withExposedPorts(5432)
    .withLabels(ownedLabels("ledger"))
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/))
    .start();
}

/** One PostgreSQL for the tests of the schema. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = new Progress();
  await progress.step("Docker engine", ensureDockerEngine);
  await progress.step("base image", ensureBaseImage);
  await ensureProjectImages(progress);
  await removeLeftovers("ledger");
  const container = await startScratchPostgres();
  project.provide("scratchPort", container.getMappedPort(5432));
  project.provide("scratchContainer", container.getId());
  return async () => {
    await container.stop({ removeVolumes: true });
  };
}
