import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "../../infra/settings/parse.ts";
import { removeCutOffWrites } from "../../tools/stack/cut-off-writes.ts";
import { refuseFixedChanges } from "../../tools/stack/fixed-settings.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { holdersOf } from "../../tools/stack/lock.ts";
import { destroyableUrns, identityOf, type Snapshot, withoutPending } from "../../tools/stack/snapshot.ts";
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

  it("keeps the receivers' secrets that the engine encrypted into it, and nothing in plain text", () => {
    const former = "config:\n  dujyo:receiverSecrets:\n    oncall:\n      secure: v1:abc\n    other: plain\n";
    const secrets = (file: string) =>
      (parse(file) as { config: Record<string, unknown> }).config["dujyo:receiverSecrets"];
    expect(secrets(mergeStackConfig(tracked, former))).toEqual({ oncall: { secure: "v1:abc" } });
    const own = `${tracked}  dujyo:receiverSecrets:\n    oncall:\n      secure: v1:own\n`;
    expect(secrets(mergeStackConfig(own, former))).toEqual({ oncall: { secure: "v1:own" } });
  });

  it("leaves a secrets provider of the user's own as it is", () => {
    const own = `${tracked}secretsprovider: awskms://key\nencryptedkey: mine\n`;
    expect(mergeStackConfig(own, "encryptedkey: other\n")).toContain("encryptedkey: mine");
  });

  it("is the same when nothing changed", () => {
    const copy = mergeStackConfig(tracked, "encryptionsalt: v1:salt\n");
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

  it("let one command at a time work, and take over from a dead one", () => {
    const folder = mkdtempSync(join(tmpdir(), "turn-test-"));
    writeFileSync(join(folder, "turn"), "1");
    expect(() => takeTurn(folder)).toThrow(/process 1/);
    writeFileSync(join(folder, "turn"), "999999999");
    takeTurn(folder);
    expect(readFileSync(join(folder, "turn"), "utf8")).toBe(String(process.pid));
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
