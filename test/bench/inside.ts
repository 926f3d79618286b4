import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PORTS } from "../../infra/ports.ts";
import type { Connection } from "../../ops/connection.ts";
import { mustRun } from "../../tools/process.ts";

/** Where a program inside the stack's network finds a part of it. */
export interface InsideAddress {
  /** IPv4. */
  readonly address: string;
  readonly port: number;
}

/** The stack as its own parts reach it: from this machine, but straight to them instead of by Docker's published ports. */
export class Inside {
  readonly #prefix: string;
  readonly #addresses: Readonly<Record<string, string>>;

  private constructor(prefix: string, addresses: Readonly<Record<string, string>>) {
    this.#prefix = prefix;
    this.#addresses = addresses;
  }

  static async of(stack: string): Promise<Inside> {
    const prefix = `dujyo-${stack}-`;
    const format = '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{"\\n"}}{{end}}';
    const output = await mustRun("docker", ["network", "inspect", "--format", format, prefix.slice(0, -1)]);
    const lines = output.trim().split("\n");
    return new Inside(
      prefix,
      Object.fromEntries(
        lines.map((line) => {
          const [name = "", address = ""] = line.split(" ");
          return [name.slice(prefix.length), address.split("/")[0] ?? ""];
        }),
      ),
    );
  }

  /** @param service a name in the service file of `npm run connect`: a pooled one, the writer, or a member's */
  database(service: string): InsideAddress {
    if (service === "writer") return { address: this.#addressOf("haproxy"), port: PORTS.writer };
    const pooled = service.startsWith("pooled-");
    return {
      address: this.#addressOf(pooled ? "pgbouncer" : service),
      port: pooled ? PORTS.pgbouncer : PORTS.postgres,
    };
  }

  /** The one way in for users. */
  get gateway(): InsideAddress {
    return { address: this.#addressOf("gateway"), port: PORTS.api };
  }

  /** What the service's environment has other than on a developer's machine, the same as in its container. */
  environment({ redis }: Pick<Connection, "redis">): Record<string, string> {
    const hook = pathToFileURL(join(import.meta.dirname, "servers/stack-hosts.mjs")).href;
    return {
      ...{ NODE_OPTIONS: `--import ${hook}`, STACK_HOSTS: JSON.stringify(this.#addresses) },
      ...{ DB_HOST: "pgbouncer", DB_PORT: String(PORTS.pgbouncer) },
      ...{ LISTEN_HOST: "haproxy", LISTEN_PORT: String(PORTS.writer) },
      ...{ REDIS_NODES: redis.map(({ host, port }) => `${host}:${port}`).join(","), REDIS_ADDRESS_MAP: "" },
    };
  }

  /** Has all of the stack share these cores, such as "0" or "0-1". */
  async confine(cores: string): Promise<void> {
    const containers = Object.keys(this.#addresses).map((name) => this.#prefix + name);
    await mustRun("docker", ["update", "--cpuset-cpus", cores, ...containers]);
  }

  #addressOf(name: string): string {
    const address = this.#addresses[name];
    if (address === undefined)
      throw new Error(`the stack has no part ${name}; it has ${Object.keys(this.#addresses).join(", ")}`);
    return address;
  }
}
