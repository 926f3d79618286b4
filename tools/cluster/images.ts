import { spawn } from "node:child_process";
import { join } from "node:path";
import { IMAGE_NAMES, imageRef } from "../../infra/images.ts";
import { Failure } from "../failure.ts";
import { ROOT } from "../layout.ts";
import { mustRun } from "../process.ts";
import type { Step } from "../setup/progress.ts";
import { CLUSTER, PAUSE_IMAGE } from "./place.ts";

/** Of the cluster's own containerd. */
export const RUNTIME_SOCKET = join(CLUSTER, "run/containerd.sock");
const PAUSE_CONTEXT = join(ROOT, "tools/cluster/pause");

/** Client of it. */
export const CTR = ["--address", RUNTIME_SOCKET, "--namespace", "k8s.io"];

/** Brings the project's images from the Docker engine, which has built them, to the node; those that it has already stay. */
export async function loadImages(step: Step): Promise<void> {
  const names = IMAGE_NAMES.filter((name) => name !== "etcd" && name !== "grafana");
  const wanted = names.map((name) => imageRef(name));
  const kept = new Set([PAUSE_IMAGE, ...wanted.map((image) => `docker.io/${image}`)]);
  const present = new Set(
    (await mustRun("ctr", [...CTR, "images", "list", "--quiet"])).split("\n").filter(Boolean),
  );
  // Former builds; the runtime knows each image by its digest, too.
  const former = [...present].filter((image) => image.startsWith("docker.io/dujyo/") && !kept.has(image));
  if (former.length > 0) await mustRun("ctr", [...CTR, "images", "remove", ...former]);
  const missing = wanted.filter((image) => !present.has(`docker.io/${image}`));
  if (!present.has(PAUSE_IMAGE)) {
    await mustRun("docker", ["build", "--tag", short(PAUSE_IMAGE), PAUSE_CONTEXT], { onLine: step.line });
    missing.push(short(PAUSE_IMAGE));
  }
  if (missing.length === 0) return step.origin("cached");
  step.line(missing.join(", "));
  // Together, since most of what they are made of is the same.
  await load(missing);
}

function short(image: string): string {
  return image.replace("docker.io/", "");
}

/** `docker save | ctr images import`: neither holds a whole image in memory. */
function load(images: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const from = spawn("docker", ["save", ...images], { stdio: ["ignore", "pipe", "inherit"] });
    const to = spawn("ctr", [...CTR, "images", "import", "-"], { stdio: [from.stdout, "ignore", "pipe"] });
    let said = "";
    to.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
    });
    to.on("error", reject);
    to.on("close", (code) =>
      code === 0
        ? resolve()
        : reject(new Failure(`${images.join(", ")} could not be brought to the node:\n${said.trim()}`)),
    );
  });
}
