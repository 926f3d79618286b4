import { X509Certificate } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../../tools/failure.ts";
import { nameOf } from "../../tools/stack/plan.ts";
import { applyStack, markForRenewal, resourcesInForce } from "../apply-stack.ts";
import type { Outcome, Task } from "../define-command.ts";
import type { RunningStack } from "../running-stack.ts";
import { formatTable } from "../table.ts";
import type { Credential, RotateOptions } from "./credential.ts";
import { shownCertificates } from "./shown-certificates.ts";

const CERTIFICATE = "pulumi-nodejs:dynamic/secrets:Certificate";
/** Longest wait for every port to show its new certificate, seconds; the API looks at its files every 2 s. */
const SHOWN_SECONDS = 30;

/** A certificate as it stands in the state. */
interface Leaf {
  readonly name: string;
  readonly urn: string;
  readonly certificate: X509Certificate;
}

async function leavesOf({ name }: RunningStack): Promise<Leaf[]> {
  const resources = await resourcesInForce(name, CERTIFICATE);
  return resources.map(({ urn, outputs }) => ({
    name: nameOf(urn).replace(/-tls$/, ""),
    urn,
    certificate: new X509Certificate(String(outputs?.certificate)),
  }));
}

/**
 * Makes new keys and certificates from the roots that are there, so that new and old ones are trusted side by side, and has
 * every member read its own again. Killed half way, some members have new ones and all are good.
 */
async function rotate({ stack, dryRun, say }: Task<RotateOptions>): Promise<Outcome> {
  const before = await leavesOf(stack);
  if (dryRun) return plan(before);
  const started = Date.now();
  await markForRenewal(
    stack.name,
    before.map(({ urn }) => urn),
  );
  await applyStack(stack.name, say);
  const leaves = await leavesOf(stack);
  say("asking every port for its certificate");
  const ports = await mustShow(stack, leaves);
  const seconds = Math.round((Date.now() - started) / 1_000);
  return {
    text: `Replaced ${leaves.length} certificates in ${seconds} s; ${ports} ports were asked and show the new ones.`,
    data: { certificates: leaves.length, ports, seconds },
  };
}

function plan(leaves: readonly Leaf[]): Outcome {
  const rows = leaves.map(({ name, certificate }) => [name, certificate.validTo, certificate.serialNumber]);
  return {
    text:
      `Would replace ${leaves.length} certificates, while their members run:\n\n` +
      formatTable(["certificate", "good until", "serial"], rows),
    data: leaves.map(({ name, certificate }) => ({
      name,
      good_until: new Date(certificate.validTo).toISOString(),
      serial: certificate.serialNumber,
    })),
  };
}

/** How many ports showed a certificate, each of them one of `leaves`. @throws Failure naming those that show another */
async function mustShow(stack: RunningStack, leaves: readonly Leaf[]): Promise<number> {
  const inForce = new Set(leaves.map(({ certificate }) => certificate.fingerprint256));
  const deadline = Date.now() + SHOWN_SECONDS * 1_000;
  for (;;) {
    const shown = await shownCertificates(stack);
    const stale = shown.filter(({ fingerprint }) => !inForce.has(fingerprint)).map(({ place }) => place);
    if (stale.length === 0) return shown.length;
    if (Date.now() > deadline)
      throw new Failure(
        `These still show a former certificate after ${SHOWN_SECONDS} s: ${stale.join(", ")}. It is good until its end; look at ` +
          '"npm run logs", and repeat.',
      );
    await pause(500);
  }
}

export const certificates: Credential = {
  summary:
    "Every certificate is made anew from the roots that are there, so that new and old ones are trusted side by side; members " +
    "read theirs again while they run (on Kubernetes they are replaced, one by one), and each port is asked for the new one.",
  finishes: false,
  rotate,
};
