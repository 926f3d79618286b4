import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import type { FileSpec } from "../../infra/target.ts";
import { processLimit } from "../../infra/targets/docker/container.ts";
import { ofType, record } from "../support/mocks.ts";
import { TARGETS } from "../support/targets.ts";

const MB = 2 ** 20;

function twoMembers(files: FileSpec[] = [{ path: "redis.conf", content: "port 0" }]) {
  const parent = new pulumi.ComponentResource("test:index:Parent", "parent");
  TARGETS.docker().members(
    "redis",
    {
      image: "redis",
      count: 2,
      limits: { memory: 96 * MB, cpus: 0.5 },
      storage: MB,
      fixedAddresses: true,
      files,
      ports: [],
      stopGrace: 30,
      startTimeout: 60,
      member: (ordinal) => ({ ports: [{ name: "redis", port: 6379 + ordinal, published: 6379 + ordinal }] }),
    },
    { parent },
  );
}

describe("a container of the Docker target", () => {
  it("runs unprivileged, limited, without a writable root, published on loopback", async () => {
    const containers = ofType(await record(() => twoMembers()), "docker:index/container:Container");
    expect(containers.get("redis-0")).toMatchObject({
      name: "dujyo-dev-redis-0",
      hostname: "redis-0",
      user: "10001:0",
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      memory: 96,
      memorySwap: 96,
      cpus: "0.5",
      ports: [{ internal: 6379, external: 6379, ip: "127.0.0.1" }],
      networksAdvanced: [{ aliases: ["redis-0", "redis"], ipv4Address: "172.30.17.128" }],
      destroyGraceSeconds: 30,
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "3" },
    });
  });

  it("gets its files through a volume that a container which never starts has filled", async () => {
    const containers = ofType(await record(() => twoMembers()), "docker:index/container:Container");
    expect(containers.get("redis-0-files")).toMatchObject({
      start: false,
      mustRun: false,
      networkMode: "none",
    });
    expect(containers.get("redis-0")).toMatchObject({
      volumes: [
        { volumeName: "dujyo-dev-redis-0-files", containerPath: "/etc/dujyo", readOnly: true },
        { volumeName: "dujyo-dev-redis-0-data", containerPath: "/var/lib/dujyo" },
      ],
    });
  });

  it("is replaced for a change of its files, but not of one that it follows", async () => {
    const containerWith = async (conf: string, keys: string) => {
      const registered = await record(() =>
        twoMembers([
          { path: "redis.conf", content: conf },
          { path: "key-set.json", content: keys, delivery: "follow" },
        ]),
      );
      const containers = ofType(registered, "docker:index/container:Container");
      expect(JSON.stringify(containers.get("redis-0-files"))).toContain(keys);
      return JSON.stringify(containers.get("redis-0"));
    };
    const before = await containerWith("port 0", "keys-1");
    expect(await containerWith("port 0", "keys-2")).toBe(before);
    expect(await containerWith("port 1", "keys-2")).not.toBe(before);
  });

  it("reads a file again that is reloaded: it is told to, and is not replaced", async () => {
    const deployWith = async (certificate: string) => {
      const registered = await record(() =>
        twoMembers([{ path: "tls/server.crt", content: certificate, delivery: "reload" }]),
      );
      const reload = ofType(registered, "pulumi-nodejs:dynamic/docker:Reload").get("redis-1-reload");
      const member = ofType(registered, "docker:index/container:Container").get("redis-1");
      return { reload, member };
    };
    const before = await deployWith("certificate-1");
    const after = await deployWith("certificate-2");
    expect(after.member).toEqual(before.member);
    expect(before.reload).toMatchObject({ container: "dujyo-dev-redis-1" });
    expect(after.reload?.filesDigest).not.toBe(before.reload?.filesDigest);
  });

  it("is waited for unless the next one does not run yet", async () => {
    const ready = ofType(await record(() => twoMembers()), "pulumi-nodejs:dynamic/docker:Ready");
    expect(ready.get("redis-0-ready")).toMatchObject({
      container: "dujyo-dev-redis-0",
      next: "dujyo-dev-redis-1",
    });
    expect(ready.get("redis-1-ready")).toMatchObject({ container: "dujyo-dev-redis-1", next: "" });
  });

  it("may have so many processes, more with more memory", async () => {
    expect(processLimit({ memory: 64 * MB, cpus: 1 })).toBe(256);
    expect(processLimit({ memory: 1024 * MB, cpus: 1 })).toBe(1024);
    const ready = ofType(await record(() => twoMembers()), "pulumi-nodejs:dynamic/docker:Ready");
    expect(ready.get("redis-0-ready")?.processes).toBe(256);
  });
});
