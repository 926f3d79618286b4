import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { imageRef } from "../../../infra/images.ts";
import { mustRun } from "../../../tools/process.ts";
import type { Sample, Variant } from "../comparison.ts";
import { GENERATOR_CORE } from "../processes.ts";
import type { BenchStack } from "../stack.ts";
import { quantile } from "../statistics.ts";

/** A script for each account, drawn at random: pgbench's own variables are numbers, and accounts have names. */
const ACCOUNTS = 16;

export interface PgbenchArgs {
  readonly stack: BenchStack;
  /** Name in the service file: who is asked, and as whom. */
  readonly service: string;
  readonly clients: number;
}

/** pgbench of the PostgreSQL image: reads by primary key, prepared statements, one connection a client. */
export function pgbench(name: string, { stack, service, clients }: PgbenchArgs): Variant {
  return {
    name,
    async measure(seconds): Promise<Sample> {
      const folder = mkdtempSync(join(stack.folder, "pgbench-"));
      const accounts = await stack.accounts(ACCOUNTS);
      const { address, port } = stack.inside.database(service);
      for (const account of accounts)
        writeFileSync(
          join(folder, `${account}.sql`),
          `SELECT balance, version FROM balances WHERE address = '${account}';\n`,
        );
      const output = await mustRun("docker", [
        ...["run", "--rm", "--network", "host", "--cpuset-cpus", GENERATOR_CORE],
        ...["--user", `${process.getuid?.()}:${process.getgid?.()}`],
        ...["--volume", `${stack.connectFolder}:${stack.connectFolder}:ro`, "--volume", `${folder}:/bench`],
        ...["--env", `PGSERVICEFILE=${stack.connectFolder}/pg_service.conf`, "--workdir", "/bench"],
        ...["--entrypoint", "pgbench", imageRef("postgres")],
        ...["--no-vacuum", "--protocol=prepared", `--client=${clients}`, `--time=${seconds}`],
        ...accounts.map((account) => `--file=/bench/${account}.sql`),
        ...["--log", "--log-prefix=/bench/log", `service=${service} hostaddr=${address} port=${port}`],
      ]);
      const latencies = readLatencies(folder);
      rmSync(folder, { recursive: true });
      return {
        perSecond: Number(/^tps = ([\d.]+) /m.exec(output)?.[1]),
        p50: quantile(latencies, 0.5),
        p99: quantile(latencies, 0.99),
      };
    },
  };
}

/** Sorted milliseconds of each transaction: the log has client, number, microseconds, file, second, microsecond. */
function readLatencies(folder: string): Float64Array {
  const lines = readdirSync(folder)
    .filter((file) => file.startsWith("log."))
    .flatMap((file) => readFileSync(join(folder, file), "utf8").trim().split("\n"));
  return Float64Array.from(lines, (line) => Number(line.split(" ")[2]) / 1_000).sort();
}
