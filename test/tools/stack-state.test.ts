import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "../../infra/settings/parse.ts";
import { startOf } from "../../tools/process.ts";
import { removeCutOffWrites } from "../../tools/stack/cut-off-writes.ts";
import { refuseFixedChanges } from "../../tools/stack/fixed-settings.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { holdersOf, wayOut } from "../../tools/stack/lock.ts";
import {
  destroyableUrns,
  identityOf,
  jobsOf,
  type Snapshot,
  withoutPending,
} from "../../tools/stack/snapshot.ts";
import { mergeStackConfig } from "../../tools/stack/stack-config.ts";
import { takeTurn } from "../../tools/stack/turn.ts";

describe("the stack file's copy", () => {
  const tracked = "config:\n  dujyo:target: docker\n";

  it("has the tracked settings and the salt that the engine wrote", () => {
    const copy = mergeStackConfig(tracked, "config:\n  dujyo:target: old\nencryptionsalt: v1:salt\n");
    expect(copy).toContain("dujyo:target: docker");
    expect(copy).toContain("encryptionsalt: v1:salt");
    expect(copy).not.toContain("old");
  });

  it("leaves a secrets provider of the user's own as it is", () => {
    const own = `${tracked}secretsprovider: awskms://key\nencryptedkey: mine\n`;
    expect(mergeStackConfig(own, "encryptedkey: other\n")).toContain("encryptedkey: mine");
  });

  it("keeps the secrets that only the engine can make, and no other setting", () => {
    const former =
      "config:\n  dujyo:portOffset: 7\n  dujyo:receiverSecrets:\n    oncall:\n      secure: v1:a\n    plain: b\n";
    const { config } = parse(mergeStackConfig(tracked, former));
    expect(config).toEqual({
      "dujyo:target": "docker",
      "dujyo:receiverSecrets": { oncall: { secure: "v1:a" } },
    });
    const own = `${tracked}  dujyo:receiverSecrets:\n    oncall: mine\n`;
    expect(parse(mergeStackConfig(own, former)).config["dujyo:receiverSecrets"]).toEqual({ oncall: "mine" });
  });

  it("is the same when nothing changed", () => {
    const copy = mergeStackConfig(
      tracked,
      "config:\n  dujyo:receiverSecrets:\n    a:\n      secure: b\nencryptionsalt: v1:salt\n",
    );
    expect(mergeStackConfig(tracked, copy)).toBe(copy);
  });
});

describe("the environment of plain pulumi", () => {
  it("brings a backend and a passphrase of the clone's own", () => {
    const environment = pulumiEnvironment("dev", { PATH: "/bin" });
    expect(environment.PULUMI_BACKEND_URL).toMatch(/^file:\/\/.*\.dujyo\/state$/);
    expect(environment.PULUMI_CONFIG_PASSPHRASE_FILE).toMatch(/\.dujyo\/passphrase$/);
    expect(environment.PULUMI_OPTION_CONFIG_FILE).toMatch(/\.dujyo\/Pulumi\.dev\.yaml$/);
    expect(environment.PATH?.endsWith(":/bin")).toBe(true);
  });

  it("leaves the user's backend and passphrase alone", () => {
    const environment = pulumiEnvironment("dev", {
      PULUMI_BACKEND_URL: "s3://state",
      PULUMI_CONFIG_PASSPHRASE: "x",
    });
    expect(environment).not.toHaveProperty("PULUMI_BACKEND_URL");
    expect(environment).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE_FILE");
  });
});

const resource = (type: string, name: string, more: object = {}) => ({
  urn: `urn::${type}::${name}`,
  type,
  id: name,
  ...more,
});
const stack = resource("pulumi:pulumi:Stack", "stack");
const component = resource("dujyo:docker:Workload", "etcd", { parent: stack.urn });
const other = resource("dujyo:docker:Workload", "haproxy", { parent: stack.urn });
const identity = resource("pulumi-nodejs:dynamic/secrets:Identity", "uuid", { parent: stack.urn });
const password = resource("pulumi-nodejs:dynamic/secrets:Password", "password", { parent: stack.urn });
const volume = resource("docker:index/volume:Volume", "data", {
  parent: component.urn,
  dependencies: [identity.urn],
});
const container = resource("docker:index/container:Container", "c", { parent: component.urn });
const ready = resource("pulumi-nodejs:dynamic/docker:Ready", "ready", { parent: component.urn });
const snapshot: Snapshot = {
  version: 3,
  deployment: {
    resources: [stack, component, other, identity, password, volume, container, ready],
    pending_operations: [{ resource: container, type: "creating" }],
  },
};

describe("the state", () => {
  it("keeps volumes, secrets and what those stand on", () => {
    expect(destroyableUrns(snapshot)).toEqual([other.urn, container.urn, ready.urn]);
  });

  it("knows its identity", () => {
    expect(identityOf(snapshot)).toBe("uuid");
    expect(identityOf(undefined)).toBeUndefined();
  });

  it("knows the jobs to repeat, not what a replacement has left of one", () => {
    const job = resource("pulumi-nodejs:dynamic/docker:Run", "redis-reconcile", { parent: component.urn });
    const resources = [stack, component, container, ready, job, { ...job, delete: true }];
    expect(jobsOf({ version: 3, deployment: { resources } })).toEqual([job]);
  });

  it("loses only its pending operations", () => {
    const { pending_operations: _, ...deployment } = snapshot.deployment;
    expect(withoutPending(snapshot)).toEqual({ version: 3, deployment });
  });
});

describe("settings that are fixed once a stack exists", () => {
  const made = { ...resource("dujyo:index:EtcdCluster", "etcd"), outputs: { members: 3 } };
  const existing: Snapshot = { version: 3, deployment: { resources: [stack, made] } };

  it("are refused when they change, with both values and the way out", () => {
    const settings = parseSettings("dev", { etcd: { members: 5 } });
    expect(() => refuseFixedChanges(settings, existing)).toThrow(
      /etcd\.members is 5.*made with 3.*Nothing was changed.*--volumes/s,
    );
  });

  it("are refused where backups would go with the setting that takes them", () => {
    const backups = resource("dujyo:index:PostgresBackup", "backup");
    const taking: Snapshot = { version: 3, deployment: { resources: [stack, made, backups] } };
    expect(() => refuseFixedChanges(parseSettings("dev", {}), taking)).toThrow(
      /backup\.enabled is false.*Nothing was changed.*--volumes/s,
    );
    const on = parseSettings("dev", { backup: { enabled: true } });
    expect(() => refuseFixedChanges(on, taking)).not.toThrow();
    expect(() => refuseFixedChanges(on, existing)).not.toThrow();
  });

  it("are free before the first up, and accepted as they are", () => {
    const settings = parseSettings("dev", {});
    expect(() => refuseFixedChanges(settings, existing)).not.toThrow();
    expect(() => refuseFixedChanges(settings, undefined)).not.toThrow();
    expect(() => refuseFixedChanges(settings, snapshot)).not.toThrow();
  });
});

describe("locks", () => {
  it("are found for the stack alone; one that is half written does not count", () => {
    const folder = mkdtempSync(join(tmpdir(), "locks-test-"));
    const write = (stackName: string, file: string, text: string) => {
      mkdirSync(join(folder, "organization/dujyo", stackName), { recursive: true });
      writeFileSync(join(folder, "organization/dujyo", stackName, file), text);
    };
    write("dev", "a.json", '{"pid":7,"hostname":"here"}');
    write("dev", "b.json", '{"pid"');
    write("staging", "c.json", '{"pid":8,"hostname":"here"}');
    expect(holdersOf(folder, "dev")).toEqual([{ pid: 7, hostname: "here" }]);
    expect(holdersOf(join(folder, "nowhere"), "dev")).toEqual([]);
  });

  it("of another machine's run come with the command that takes them away", () => {
    const text = wayOut("dev", "file:///clone/.dujyo/state");
    expect(text).toMatch(
      /PULUMI_BACKEND_URL='file:\/\/\/clone\/\.dujyo\/state' '.*pulumi' cancel --yes --stack dev$/,
    );
  });
});

describe("the turn of a command", () => {
  const newFolder = () => mkdtempSync(join(tmpdir(), "turn-test-"));
  const own = `${process.pid} ${startOf(process.pid)}`;

  it("is taken over from a process that is dead, or whose number is another one's by now", async () => {
    for (const left of ["999999999", `${process.ppid} 1`]) {
      const folder = newFolder();
      writeFileSync(join(folder, "turn"), left);
      await takeTurn({ folder });
      expect(readFileSync(join(folder, "turn"), "utf8")).toBe(own);
      expect(readdirSync(folder)).toEqual(["turn"]);
    }
  });

  it("is waited for while its process lives, which is told", async () => {
    const folder = newFolder();
    const other = spawn("sleep", ["60"]);
    writeFileSync(join(folder, "turn"), `${other.pid} ${startOf(other.pid as number)}`);
    const said: string[] = [];
    const turn = takeTurn({
      folder,
      say: (line) => {
        said.push(line);
        other.kill("SIGKILL");
      },
    });
    await turn;
    expect(said.join()).toContain(`process ${other.pid}`);
    expect(readFileSync(join(folder, "turn"), "utf8")).toBe(own);
  });

  it("is not waited for without end", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "turn"), String(process.ppid));
    const turn = takeTurn({ folder, patience: 0.1, say: () => undefined });
    await expect(turn).rejects.toThrow(new RegExp(`process ${process.ppid}.*kill ${process.ppid}`));
    expect(readFileSync(join(folder, "turn"), "utf8")).toBe(String(process.ppid));
  });
});

describe("writes of a killed engine", () => {
  it("lose what is half of them, and nothing that is whole or another stack's", () => {
    const folder = mkdtempSync(join(tmpdir(), "writes-test-"));
    const write = (file: string, text: string) => {
      mkdirSync(join(folder, file, ".."), { recursive: true });
      writeFileSync(join(folder, file), text);
    };
    const whole = [
      "stacks/dujyo/dev.json",
      "stacks/dujyo/dev.json.bak.attrs",
      "backups/dujyo/dev/dev.1.json",
    ];
    for (const file of whole) write(file, "{}");
    write("stacks/dujyo/light.json.attrs", "");
    const broken = [
      "backups/dujyo/dev/dev.1.json.attrs",
      "stacks/dujyo/dev.json.18eacfcd13d0fd92.tmp",
      "stacks/dujyo/dev.json.attrs",
    ];
    for (const file of broken) write(file, "");
    expect(removeCutOffWrites(folder, "dev")).toEqual(broken);
    expect(removeCutOffWrites(folder, "dev")).toEqual([]);
    expect(readdirSync(join(folder, "stacks/dujyo")).sort()).toEqual([
      "dev.json",
      "dev.json.bak.attrs",
      "light.json.attrs",
    ]);
    expect(removeCutOffWrites(join(folder, "nowhere"), "dev")).toEqual([]);
  });
});
