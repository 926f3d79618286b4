import { X509Certificate } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../../tools/failure.ts";
import { mustRun } from "../../tools/process.ts";
import { nameOf } from "../../tools/stack/plan.ts";
import { applyStack, markForRenewal, resourcesInForce } from "../apply-stack.ts";
import { CanNotAsk } from "../audit/check.ts";
import { type Listener, listeners } from "../audit/listeners.ts";
import { shakeHands } from "../audit/probe.ts";
import { addressOf, type Container } from "../audit/scene.ts";
import type { Outcome, Task } from "../define-command.ts";
import { containerName } from "../docker-inventory.ts";
import type { RunningStack } from "../running-stack.ts";
import { formatTable } from "../table.ts";
import type { Credential, RotateOptions } from "./credential.ts";

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

async function shownCertificates({
  name,
  platform,
}: RunningStack): Promise<{ place: string; fingerprint: string }[]> {
  const running = (await platform.members()).filter((member) => member.running);
  const names = running.map((member) => containerName(name, member.name));
  const containers = JSON.parse(await mustRun("docker", ["inspect", ...names])) as Container[];
  const answers = await Promise.all(
    listenersOf(containers).map(async (listener) => ({
      place: `${listener.member}:${listener.port}`,
      fingerprint: (await certificateOf(listener))?.fingerprint256,
    })),
  );
  return answers.flatMap(({ place, fingerprint }) => (fingerprint ? [{ place, fingerprint }] : []));
}

function listenersOf(containers: readonly Container[]): Listener[] {
  try {
    return listeners({ containers: containers.filter((container) => addressOf(container) !== "") });
  } catch (error) {
    if (!(error instanceof CanNotAsk)) throw error;
    throw new Failure(
      `The certificates are replaced; whether every port shows its new one is not known: ${error.message}.`,
    );
  }
}

async function certificateOf(listener: Listener): Promise<X509Certificate | undefined> {
  let shown: X509Certificate | undefined;
  await shakeHands(listener, listener.opening, { rejectUnauthorized: false }, Buffer.from("\r\n"), (peer) => {
    shown = peer;
  });
  return shown;
}

export const certificates: Credential = {
  summary:
    "Every certificate is made anew from the roots that are there, so that new and old ones are trusted side by side; members " +
    "read theirs again while they run, and each port is asked for the new one.",
  finishes: false,
  onKubernetes: ({ stack }) =>
    "There they reach members by replacing them, and the ports can not be asked from here. An " +
    `"npm run up -- --stack ${stack.name}" in their last 60 days renews them.`,
  rotate,
};
