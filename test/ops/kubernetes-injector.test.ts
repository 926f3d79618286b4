import { describe, expect, it } from "vitest";
import type { Fault } from "../../ops/drill/fault.ts";
import { FAULTS } from "../../ops/drill/faults/index.ts";
import { KubernetesInjector } from "../../ops/drill/kubernetes-injector.ts";
import type { Scene } from "../../ops/drill/scene.ts";
import type { Inventory, Member } from "../../ops/inventory.ts";
import type { Result } from "../../tools/process.ts";
import { Cluster } from "../../tools/stack/kubernetes-cluster.ts";

const done = (code = 0, stderr = ""): Result => ({ code, stdout: "", stderr, timedOut: false });

/** A cluster that does what it is told, and notes it beside what its members are told. */
class Noting extends Cluster {
  readonly told: string[] = [];
  readonly lacking: readonly string[];
  answer: Result = done();

  constructor(...lacking: string[]) {
    super("");
    this.lacking = lacking;
  }

  override async run(args: readonly string[], { input }: { readonly input?: string } = {}): Promise<Result> {
    const words = args.filter((arg) => !/^--(request-timeout|namespace)/.test(arg));
    const made = input === undefined ? "" : ` ${JSON.stringify(JSON.parse(input).spec)}`;
    this.told.push(words.join(" ") + made);
    return done();
  }

  override async forbidden(actions: readonly string[]): Promise<string[]> {
    return actions.filter((action) => this.lacking.includes(action));
  }
}

function injecting(cluster: Noting): KubernetesInjector {
  const exec = async ({ name }: Member, command: readonly string[]) => {
    cluster.told.push(`in ${name}: ${command.at(-1)}`);
    return cluster.answer;
  };
  return new KubernetesInjector(cluster, "dujyo-ci", { exec } as unknown as Inventory);
}

const member = (name: string, part: string): Member => ({ name, part, running: true, state: "running" });
const REDIS = member("redis-3", "redis");
const PRIMARY = member("postgres-1", "postgres");

describe("faults on Kubernetes", () => {
  it("kill a member without a word, once nobody can make its pod anew", async () => {
    const cluster = new Noting();
    await injecting(cluster).kill(REDIS);
    expect(cluster.told).toEqual([
      'apply --filename=- {"hard":{"pods":"0"}}',
      "wait resourcequota/dujyo-drill --for=jsonpath={.status.hard.pods}=0 --timeout=20s",
      expect.stringMatching(/^in redis-3: kill -s KILL "\$\(grep -l 'PPid:/),
      "delete pod redis-3 --grace-period=0 --force --wait=false",
    ]);
  });

  it("let it come back, at once and not when its controller asks again", async () => {
    const cluster = new Noting();
    await injecting(cluster).start(REDIS);
    expect(cluster.told).toEqual([
      "delete resourcequota dujyo-drill --ignore-not-found",
      "annotate statefulset redis --overwrite dujyo.io/drill-healed=now",
      "annotate statefulset redis --overwrite dujyo.io/drill-healed-",
    ]);
  });

  it("stop all processes of a member, or one, and let them go on", async () => {
    const cluster = new Noting();
    const injector = injecting(cluster);
    await injector.freeze(PRIMARY);
    await injector.thaw(PRIMARY);
    await injector.signal(PRIMARY, "postmaster", "STOP");
    expect(cluster.told).toEqual([
      "in postgres-1: kill -s STOP -1",
      "in postgres-1: kill -s CONT -1",
      'in postgres-1: kill -s STOP "$(head -n 1 /var/lib/dujyo/pgdata/postmaster.pid)"',
    ]);
  });

  it("say what they could not do; that the shell ended with its container is no failure, nor is nothing to take back", async () => {
    const cluster = new Noting();
    const injector = injecting(cluster);
    cluster.answer = done(137);
    await injector.signal(PRIMARY, "main", "KILL");
    cluster.answer = done(1, "no such file");
    await injector.thaw(PRIMARY);
    await expect(injector.signal(PRIMARY, "postmaster", "KILL")).rejects.toThrow(
      /postgres-1: kill -s KILL .* ended with code 1: no such file/,
    );
    await expect(injector.cut()).rejects.toThrow("a pod's network is changed from its node");
  });

  it("are all taken back, whichever happened", async () => {
    const cluster = new Noting();
    await injecting(cluster).healAll([REDIS, member("redis-4", "redis"), PRIMARY]);
    expect(cluster.told[0]).toBe("delete resourcequota dujyo-drill --ignore-not-found");
    expect(cluster.told.filter((line) => line.startsWith("annotate"))).toHaveLength(4);
    expect(cluster.told.slice(-3)).toEqual(
      ["redis-3", "redis-4", "postgres-1"].map((name) => `in ${name}: kill -s CONT -1`),
    );
  });

  it("are those that a user of the namespace can bring about; of the others each tells why not", async () => {
    const obstacles = async (cluster: Noting) => {
      const settings = { target: "kubernetes", postgres: { recovery: "balanced" } };
      const scene = { injector: injecting(cluster), etcd: [], stack: { settings } };
      const found = await Promise.all(
        FAULTS.map(async ({ name, obstacle }: Fault) => {
          return [name, await obstacle?.(scene as unknown as Scene)] as const;
        }),
      );
      return found.filter(([, reason]) => reason !== undefined).map(([name]) => name);
    };
    const left = [
      ...[
        "primary-cut",
        "primary-cut-from-store",
        "primary-cut-from-replicas",
        "primary-loss",
        "primary-late",
      ],
      ...["etcd-leader-killed", "etcd-majority-lost", "etcd-lost", "redis-primary-cut"],
      ...["wal-disk-full", "postmaster-out-of-memory", "slow-disk", "clock-skew"],
    ];
    expect(await obstacles(new Noting())).toEqual(left);
    expect(
      (await obstacles(new Noting("create resourcequotas"))).filter((name) => !left.includes(name)),
    ).toEqual([...["node-gone", "replica-killed", "standby-killed", "redis-primary-killed", "redis-lost"]]);
  });
});
