import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { IMAGE_NAMES, imageRef, imageSources } from "../../infra/images.ts";
import { objectsOf, wholeProgram } from "../support/whole-program.ts";
import { lint } from "./linters.ts";

interface Exception {
  readonly reason: string;
  /** Where. @default everywhere */
  readonly of?: RegExp;
}

/** Pods with an exporter beside what they are there for, whose checks would take them out of service. */
const BESIDE: Exception = {
  reason:
    "the exporter beside the part has no checks, so that it decides on nothing; the part's own are a policy",
  of: /\.(alertmanager|prometheus|postgres|redis|pgbouncer)$/,
};

/** Checks that the project does not meet. */
const EXCEPTIONS: Readonly<Record<string, Exception>> = {
  CKV_K8S_8: BESIDE,
  CKV_K8S_9: BESIDE,
  CKV_K8S_38: {
    reason: "Patroni elects through the cluster's API: its members have a token, no other pod has",
  },
  CKV_DOCKER_2: {
    reason: "the health check is part of the description that both targets are made of, not of the image",
  },
};

const folder = mkdtempSync(join(tmpdir(), "dujyo-manifests-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Report {
  readonly summary: { readonly passed: number; readonly parsing_errors: number };
  readonly results: {
    readonly failed_checks: readonly { check_id: string; check_name: string; resource: string }[];
  };
}

async function checkov(framework: string, files: readonly string[]): Promise<Report> {
  const form = ["--compact", "--quiet", "--skip-download", "--output", "json"];
  const args = ["--framework", framework, ...form, ...files.flatMap((file) => ["--file", file])];
  const { stdout, stderr } = await lint("checkov.main", args, folder);
  const report = JSON.parse(stdout || "null") as Report | null;
  if (!report?.summary) throw new Error(`checkov said nothing of ${files.join(", ")}:\n${stdout}${stderr}`);
  return report;
}

/** What is neither met nor excepted. */
function failures({ results }: Report): string[] {
  for (const { check_id } of results.failed_checks) met.add(check_id);
  return results.failed_checks
    .filter(({ check_id, resource }) => {
      const exception = EXCEPTIONS[check_id];
      return exception === undefined || !(exception.of?.test(resource) ?? true);
    })
    .map(({ check_id, check_name, resource }) => `${check_id} ${resource}: ${check_name}`);
}

const met = new Set<string>();

describe("checkov", () => {
  it.each(["staging", "prod"])("finds nothing in what %s is made of", async (stack) => {
    const pushed = IMAGE_NAMES.map(
      (name) => [name, `${imageRef(name).split(":")[1]}@sha256:${"a".repeat(64)}`] as const,
    );
    const { registered } = await wholeProgram(stack, { kubernetes: { digests: Object.fromEntries(pushed) } });
    const file = join(folder, `${stack}.yaml`);
    writeFileSync(
      file,
      objectsOf(registered)
        .map((object) => stringify(object))
        .join("---\n"),
    );
    const report = await checkov("kubernetes", [file]);
    expect(report.summary.parsing_errors).toBe(0);
    expect(report.summary.passed).toBeGreaterThan(1_000);
    expect(failures(report)).toEqual([]);
  });

  it("finds nothing in the Dockerfiles", async () => {
    const report = await checkov(
      "dockerfile",
      IMAGE_NAMES.map((name) => join(imageSources(name)[0] as string, "Dockerfile")),
    );
    expect(report.summary.passed).toBeGreaterThan(40 * IMAGE_NAMES.length);
    expect(failures(report)).toEqual([]);
  });

  it("needs each of the exceptions", () => {
    expect([...met].filter((check) => check in EXCEPTIONS).sort()).toEqual(Object.keys(EXCEPTIONS).sort());
  });
});
