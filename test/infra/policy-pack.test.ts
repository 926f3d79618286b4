import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { policiesOf } from "../../infra/policies/index.ts";
import { ROOT } from "../../tools/layout.ts";
import { plain, type Registered } from "../support/mocks.ts";
import { wholeProgram } from "../support/whole-program.ts";

// What the engine speaks with a pack; the SDK brings it as CommonJS alone.
const require = createRequire(import.meta.url);
const { AnalyzerClient } = require("@pulumi/pulumi/proto/analyzer_grpc_pb.js");
const {
  AnalyzeStackRequest,
  AnalyzerResource,
  AnalyzerResourceOptions,
} = require("@pulumi/pulumi/proto/analyzer_pb.js");
const { Struct } = require("google-protobuf/google/protobuf/struct_pb.js");
const { Empty } = require("google-protobuf/google/protobuf/empty_pb.js");
const { credentials } = require("@grpc/grpc-js");

interface Diagnostic {
  readonly policyname: string;
  readonly message: string;
  /** 1: mandatory. */
  readonly enforcementlevel: number;
}

/** The pack as an engine that can run one starts it. */
let server: ChildProcess;
// biome-ignore lint/suspicious/noExplicitAny: generated code without types for ES modules
let analyzer: any;

beforeAll(async () => {
  const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack");
  server = spawn(process.execPath, [runner, "127.0.0.1:0", "."], {
    cwd: join(ROOT, "infra/policies/pack"),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: server.stdout as NodeJS.ReadableStream }).once("line", resolve);
    server.once("exit", (code) => reject(new Error(`the pack ended with exit code ${code}`)));
  });
  analyzer = new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure());
}, 60_000);
afterAll(() => {
  analyzer?.close();
  server.kill();
});

function ask<T>(method: "analyzeStack" | "getAnalyzerInfo", request: unknown): Promise<T> {
  return new Promise((resolve, reject) =>
    analyzer[method](request, (error: Error | null, answer: { toObject(): T }) =>
      error ? reject(error) : resolve(answer.toObject()),
    ),
  );
}

async function diagnosticsOf(stack: string, registered: readonly Registered[]): Promise<string[]> {
  const resources = registered.map(({ type, name, inputs }) => {
    const resource = new AnalyzerResource();
    resource.setType(type);
    resource.setName(name);
    resource.setUrn(`urn:pulumi:${stack}::dujyo::${type}::${name}`);
    const options = new AnalyzerResourceOptions();
    options.setCustomtimeouts(new AnalyzerResourceOptions.CustomTimeouts());
    resource.setOptions(options);
    resource.setProperties(Struct.fromJavaScript(JSON.parse(JSON.stringify(plain(inputs)))));
    return resource;
  });
  const request = new AnalyzeStackRequest();
  request.setResourcesList(resources);
  const { diagnosticsList } = await ask<{ diagnosticsList: Diagnostic[] }>("analyzeStack", request);
  expect(diagnosticsList.filter(({ enforcementlevel }) => enforcementlevel !== 1)).toEqual([]);
  return diagnosticsList.map(({ policyname, message }) => `${policyname}: ${message.split("\n").at(-1)}`);
}

describe("the policy pack", { timeout: 60_000 }, () => {
  it("has every policy, each under a name of its own", async () => {
    const { policiesList } = await ask<{ policiesList: { name: string }[] }>("getAnalyzerInfo", new Empty());
    const names = policiesList.map(({ name }) => name);
    expect(new Set(names).size).toBe(policiesOf("production").length);
    expect(names).toContain("no-secret-in-an-environment");
  });

  it("lets a stack pass that keeps what its level asks, and names what breaks it", async () => {
    const { registered } = await wholeProgram("ci");
    expect(await diagnosticsOf("ci", registered)).toEqual([]);
    const broken = registered.filter(({ name }) => name !== "redis-budget");
    expect(await diagnosticsOf("ci", broken)).toEqual([
      "disruption-budget: StatefulSet redis is replicated and has 0 disruption budgets; it needs one",
    ]);
    // Staging's settings ask for more than those of a throw-away stack.
    const asked = await diagnosticsOf("staging", registered);
    expect(asked.some((text) => text.startsWith("spread-over-nodes: StatefulSet redis"))).toBe(true);
    // A stack on Docker has no objects to look at.
    expect(await diagnosticsOf("dev", broken)).toEqual([]);
  });
});
