import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { changesOf, countsOf, errorsOf, type Plan, type PlanStep, readPlan } from "../../tools/stack/plan.ts";
import { dataLosses, objections, plannedObjects, refuseBadPlan } from "../../tools/stack/plan-guard.ts";
import { planReport } from "../../tools/stack/plan-report.ts";
import { growthObjections } from "../../tools/stack/volume-growth.ts";

const urn = (type: string, name: string) =>
  `urn:pulumi:prod::dujyo::dujyo:index:PostgresCluster$dujyo:kubernetes:Workload$${type}::${name}`;
const CLAIM = "kubernetes:core/v1:PersistentVolumeClaim";
const step = (op: string, type: string, name: string, more: Partial<PlanStep> = {}): PlanStep => ({
  op,
  urn: urn(type, name),
  ...more,
});

describe("the plan guard", () => {
  it("names the volume that would be replaced, once, and why", () => {
    const plan = {
      steps: [
        step("delete-replaced", CLAIM, "data-postgres-0"),
        step("replace", CLAIM, "data-postgres-0", { replaceReasons: ["spec.resources"] }),
        step("create-replacement", CLAIM, "data-postgres-0", { replaceReasons: ["spec.resources"] }),
      ],
    };
    const [sentence, ...others] = dataLosses(plan);
    expect(others).toEqual([]);
    expect(sentence).toMatch(/^would replace data-postgres-0 .* since spec\.resources changes/);
    expect(sentence).toContain("pulumi state unprotect");
  });

  it("names passwords and roots, which the data opens with", () => {
    const plan = { steps: [step("delete", "pulumi-nodejs:dynamic/secrets:Password", "postgres-owner")] };
    expect(dataLosses(plan)[0]).toContain("would delete postgres-owner");
  });

  it("lets the pooler's password go, which nothing opens with any more", () => {
    const password = step("delete", "pulumi-nodejs:dynamic/secrets:Password", "postgres-pgbouncer");
    expect(dataLosses({ steps: [password] })).toEqual([]);
  });

  it("lets the passwords of the monitoring's pages go with the monitoring", () => {
    const page =
      "urn:pulumi:prod::dujyo::dujyo:index:Monitoring$pulumi-nodejs:dynamic/secrets:Password::grafana";
    expect(dataLosses({ steps: [{ op: "delete", urn: page }] })).toEqual([]);
  });

  it("lets a password go beside which one of another number stays, as after a rotation", () => {
    const plan = (op: string) => ({
      steps: [
        step("delete", "pulumi-nodejs:dynamic/secrets:Password", "postgres-owner"),
        step(op, "pulumi-nodejs:dynamic/secrets:Password", "postgres-owner-2"),
        step("same", "pulumi-nodejs:dynamic/secrets:Password", "postgres-app-2"),
      ],
    });
    expect(dataLosses(plan("same"))).toEqual([]);
    // Nobody knows that one yet.
    expect(dataLosses(plan("create"))).toHaveLength(1);
    expect(dataLosses(plan("delete"))).toHaveLength(2);
  });

  it("lets a volume go whose protection was taken away, and no other", () => {
    const remove = (oldState?: PlanStep["oldState"]) =>
      dataLosses({ steps: [step("delete", CLAIM, "data-postgres-4", { oldState })] });
    expect(remove({})).toEqual([]);
    expect(remove({ protect: true })).toHaveLength(1);
    expect(remove()).toHaveLength(1);
    const replaced = step("replace", CLAIM, "data-postgres-4", { oldState: {} });
    expect(dataLosses({ steps: [replaced] })).toHaveLength(1);
  });

  const sized = (storage: string, storageClassName?: string) => ({
    inputs: { spec: { ...(storageClassName && { storageClassName }), resources: { requests: { storage } } } },
  });
  const resized = (from: string, to: string, name?: string, op = "update") => ({
    steps: [
      step(op, CLAIM, "data-postgres-0", { oldState: sized(from, name), newState: sized(to, name) }),
      step("create", CLAIM, "data-postgres-3", { newState: sized(to, name) }),
    ],
  });
  const storageClass = (name: string, allowVolumeExpansion?: boolean, annotations = {}) => ({
    metadata: { name, annotations },
    ...(allowVolumeExpansion !== undefined && { allowVolumeExpansion }),
  });

  it("lets a volume grow in place where its class does, and the user may look", () => {
    const standard = { "storageclass.kubernetes.io/is-default-class": "true" };
    const growing = (name: string | undefined, ...classes: ReturnType<typeof storageClass>[]) =>
      growthObjections(resized("51200Mi", "102400Mi", name), classes);
    expect(growing("ssd", storageClass("ssd", true))).toEqual([]);
    expect(growing(undefined, storageClass("ssd"), storageClass("disk", true, standard))).toEqual([]);
    expect(growing("ssd", storageClass("ssd"))).toEqual([
      expect.stringMatching(
        /^would grow data-postgres-0 from 51200Mi to 102400Mi, .*class "ssd" .*allowVolumeExpansion/,
      ),
    ]);
    expect(growing(undefined, storageClass("ssd", true), storageClass("disk", false, standard))).toHaveLength(
      1,
    );
    expect(growthObjections(resized("51200Mi", "102400Mi"))).toEqual([]);
  });

  it("lets no volume shrink, and says what its size follows from", () => {
    const settings = parseSettings("prod", { target: "kubernetes" });
    expect(() => refuseBadPlan(settings, resized("102400Mi", "9000Mi", "ssd"))).toThrow(
      /would shrink data-postgres-0 from 102400Mi to 9000Mi.*postgres\.storage/,
    );
    expect(
      planReport("prod", settings, resized("51200Mi", "102400Mi", "ssd"), [storageClass("ssd")]),
    ).toContain("would grow data-postgres-0");
    expect(growthObjections(resized("51200Mi", "51200Mi"), [])).toEqual([]);
  });

  it("lets pods, files and jobs be replaced", () => {
    const plan = {
      steps: [
        step("replace", "kubernetes:batch/v1:Job", "migrate"),
        step("replace", "kubernetes:core/v1:Secret", "api-files"),
        step("replace", "docker:index/volume:Volume", "api-0-files"),
        step("update", CLAIM, "data-postgres-0"),
        step("create", CLAIM, "data-postgres-3"),
      ],
    };
    expect(dataLosses(plan)).toEqual([]);
  });

  it("holds what there would be against the policies of the stack", () => {
    const inputs = {
      metadata: { name: "api" },
      spec: { replicas: 1, template: { spec: { containers: [{ name: "api", image: "api:latest" }] } } },
    };
    const steps = [
      step("update", "kubernetes:apps/v1:Deployment", "api", { newState: { inputs } }),
      step("delete", "kubernetes:apps/v1:Deployment", "old", { newState: { inputs } }),
    ];
    expect(plannedObjects({ steps })).toHaveLength(1);
    const against = objections(parseSettings("prod", { target: "kubernetes" }), { steps });
    expect(against).toContain(
      "images have a version: Deployment api api runs api:latest; name a version or a digest",
    );
  });
});

describe("a plan that the engine itself refuses", () => {
  // What `pulumi preview --json` printed when something protected was to be deleted; it ended with exit code 1.
  const plan = readPlan(readFileSync(join(import.meta.dirname, "refused-plan.json"), "utf8")) as Plan;
  const settings = parseSettings("prod", { target: "kubernetes" });

  it("is read, and the volume that would go is named before the engine's own words", () => {
    expect(dataLosses(plan)[0]).toMatch(/^would delete data-postgres-4 /);
    expect(errorsOf(plan)[0]).toMatch(/cannot be deleted\nbecause it is protected/);
    expect(() => refuseBadPlan(settings, plan)).toThrow(
      /nothing was changed:\n {2}would delete data-postgres-4[\s\S]*The engine says:\n {2}Preview failed/,
    );
  });

  it("is refused also where nothing else speaks against it", () => {
    const { diagnostics } = plan;
    expect(() => refuseBadPlan({ ...settings, target: "docker" }, { diagnostics })).toThrow("is protected");
    expect(() => refuseBadPlan({ ...settings, target: "docker" }, {})).not.toThrow();
  });

  it("is no plan where the output is something else", () => {
    expect(readPlan("error: no such stack")).toBeUndefined();
  });
});

describe("the list of changes", () => {
  it("has one line for each resource that changes, with what changes", () => {
    const plan = {
      steps: [
        step("same", CLAIM, "data-postgres-0"),
        step("update", "kubernetes:apps/v1:Deployment", "api", { diffReasons: ["spec.replicas"] }),
        step("create-replacement", "kubernetes:batch/v1:Job", "migrate"),
        step("replace", "kubernetes:batch/v1:Job", "migrate", { replaceReasons: ["metadata.name"] }),
        step("delete-replaced", "kubernetes:batch/v1:Job", "migrate"),
      ],
    };
    expect(changesOf(plan)).toEqual([
      "update   kubernetes:apps/v1:Deployment api: spec.replicas",
      "replace  kubernetes:batch/v1:Job migrate: metadata.name",
    ]);
    expect(countsOf(plan)).toBe("1 same, 1 update, 1 replace");
  });
});

describe("the plan as a comment", () => {
  const settings = parseSettings("some", {});

  it("begins with the verdict and shows every change", () => {
    const text = planReport("staging", settings, { steps: [step("create", CLAIM, "data-postgres-3")] });
    expect(text).toMatch(/^### Stack `staging`: 1 changes\n/);
    expect(text).toContain(`create   ${CLAIM} data-postgres-3`);
  });

  it("says first what speaks against it, whoever says so", () => {
    const text = planReport("prod", settings, {
      steps: [step("delete", CLAIM, "data-postgres-0", { oldState: { protect: true } })],
      diagnostics: [{ severity: "error", message: "error: it is protected" }],
    });
    expect(text).toMatch(/^### Stack `prod`: this plan is refused\n/);
    expect(text).toContain("- would delete data-postgres-0");
    expect(text).toContain("- it is protected");
  });

  it("says so where there is nothing to do", () => {
    expect(planReport("prod", settings, { steps: [step("same", CLAIM, "data-postgres-0")] })).toContain(
      "nothing to change",
    );
  });

  it("is no longer than a comment may be", () => {
    const steps = Array.from({ length: 5_000 }, (_, number) =>
      step("update", CLAIM, `data-postgres-${number}`),
    );
    expect(planReport("prod", settings, { steps }).length).toBeLessThan(65_536);
  });
});
