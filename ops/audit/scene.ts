import { mustRun, type Result, run } from "../../tools/process.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { Pulumi } from "../../tools/stack/pulumi.ts";
import type { Snapshot } from "../../tools/stack/snapshot.ts";
import type { Connection } from "../connection.ts";
import { containerName } from "../docker-inventory.ts";
import type { Member } from "../inventory.ts";
import { openStack } from "../running-stack.ts";
import { generatedSecrets } from "./secrets.ts";

/** What `docker inspect` tells of a container, as far as it is looked at. */
export interface Container {
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Pid: number; readonly Health?: { readonly Status: string } };
  readonly AppArmorProfile: string;
  /** SELinux's. */
  readonly ProcessLabel: string;
  readonly Args: readonly string[];
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly Mounts: readonly { readonly Type: string; readonly Source: string; readonly RW: boolean }[];
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string; readonly IPPrefixLen: number }>>;
    readonly Ports: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    >;
  };
}

export interface ExecOptions {
  readonly input?: string | undefined;
  /** Account that the program runs under. @default the container's own */
  readonly user?: string | undefined;
}

/** A running stack as checks see it. */
export interface Scene {
  readonly stack: string;
  readonly connection: Connection;
  readonly members: readonly Member[];
  /** Containers of the members, in their order. */
  readonly containers: readonly Container[];
  /** Every generated value by the name of its resource. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Roots of all trust domains, PEM, by the name of their resource. */
  readonly authorities: ReadonlyMap<string, string>;
  /** The state as it is kept, secrets encrypted. */
  readonly exportedState: string;
  exec(member: string, command: readonly string[], options?: ExecOptions): Promise<Result>;
  /** Rows of a query that the superuser asks the leader over its local socket. */
  sql(text: string, database?: string): Promise<string[][]>;
}

/** @throws Failure or Refusal where the stack is not up */
export async function openScene(name: string): Promise<Scene> {
  const stack = await openStack(name);
  const { members } = stack;
  const inspected = await mustRun("docker", [
    "inspect",
    ...members.map((member) => containerName(name, member.name)),
  ]);
  const pulumi = new Pulumi(name, pulumiEnvironment(name));
  const shown = await pulumi.mustRun(["stack", "export", "--stack", name, "--show-secrets"]);
  const { secrets, authorities } = generatedSecrets(JSON.parse(shown) as Snapshot);
  const { leader } = await stack.patroni.ledView();
  const exec: Scene["exec"] = (member, command, { input = "", user } = {}) =>
    run(
      "docker",
      ["exec", "--interactive", ...(user ? ["--user", user] : []), containerName(name, member), ...command],
      { input, timeout: 30_000 },
    );
  return {
    stack: name,
    connection: await stack.connection(),
    members,
    containers: JSON.parse(inspected) as Container[],
    secrets,
    authorities,
    exportedState: await pulumi.mustRun(["stack", "export", "--stack", name]),
    exec,
    sql: async (text, database = "dujyo_blockchain") => {
      const psql = ["psql", "--no-psqlrc", "--csv", "--tuples-only", "--quiet", "--host=/run/postgresql"];
      const { code, stdout, stderr } = await exec(
        leader,
        [...psql, "--username=postgres", `--dbname=${database}`, "--set=ON_ERROR_STOP=1", "--file=-"],
        { input: text },
      );
      if (code !== 0) throw new Error(`psql on ${leader}: ${stderr.trim()}`);
      return parseCsv(stdout);
    },
  };
}

/** Rows of comma separated values as psql writes them: quotes are doubled within quotes. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain = "", end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "\n") {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

/** Name of the member that runs in a container. */
export function memberOf({ Config }: Container): string {
  return Config.Labels["io.dujyo.member"] ?? "";
}

/** The stack's own network, as the address of one of its containers and the length of what all share. */
export function networkOf([first]: readonly Container[]): string {
  const { IPAddress, IPPrefixLen } = Object.values(first?.NetworkSettings.Networks ?? {})[0] ?? {};
  return `${IPAddress}/${IPPrefixLen}`;
}

/** Address of a container in the stack's own network. */
export function addressOf({ NetworkSettings }: Container): string {
  return Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? "";
}
