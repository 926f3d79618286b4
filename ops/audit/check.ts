import type { Exception } from "./exceptions.ts";
import type { Scene } from "./scene.ts";

/** What a check found out. */
export interface Answer {
  /** How many things were looked at; a check that looked at none has not passed. */
  readonly asked: number;
  /** Each thing that is not as it should be, in words. No secret stands in them. */
  readonly offences: readonly string[];
  /** What was looked at, in words. */
  readonly evidence: string;
}

/** One question to a running stack. */
export interface Check {
  /** Area and name, `links/plaintext`. */
  readonly id: string;
  /** What holds where it passes. */
  readonly title: string;
  /** @throws CanNotAsk where the question can not be asked here */
  ask(scene: Scene): Promise<Answer>;
}

/** The question can not be asked on this machine or of this stack; the message is the reason. */
export class CanNotAsk extends Error {}

export type Outcome = "passed" | "failed" | "excepted" | "skipped";

export interface Excepted {
  readonly offence: string;
  readonly reason: string;
}

export interface Verdict {
  readonly id: string;
  readonly title: string;
  readonly outcome: Outcome;
  readonly evidence: string;
  /** What nothing explains. */
  readonly offences: readonly string[];
  /** What an exception explains, with its reason. */
  readonly excepted: readonly Excepted[];
}

/** Judges an answer: every offence needs an exception with a reason. */
export function judge({ id, title }: Check, answer: Answer, exceptions: readonly Exception[]): Verdict {
  const explained = (offence: string) =>
    exceptions.find(({ check, offence: pattern }) => check === id && pattern.test(offence));
  const excepted = answer.offences.flatMap((offence) => {
    const exception = explained(offence);
    return exception ? [{ offence, reason: exception.reason }] : [];
  });
  const offences = answer.offences.filter((offence) => !explained(offence));
  if (answer.asked === 0) offences.push("nothing was there to be looked at");
  const outcome = offences.length > 0 ? "failed" : excepted.length > 0 ? "excepted" : "passed";
  return { id, title, outcome, evidence: answer.evidence, offences, excepted };
}

/** Asks one check after the other; an error of one is a failure and does not keep the others from being asked. */
export async function runChecks(
  checks: readonly Check[],
  scene: Scene,
  exceptions: readonly Exception[],
  onVerdict: (verdict: Verdict) => void = () => undefined,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const check of checks) {
    const verdict = await verdictOf(check, scene, exceptions);
    verdicts.push(verdict);
    onVerdict(verdict);
  }
  return verdicts;
}

async function verdictOf(check: Check, scene: Scene, exceptions: readonly Exception[]): Promise<Verdict> {
  const { id, title } = check;
  try {
    return judge(check, await check.ask(scene), exceptions);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof CanNotAsk)
      return { id, title, outcome: "skipped", evidence: reason, offences: [], excepted: [] };
    const offences = [`the check itself failed: ${reason}`];
    return { id, title, outcome: "failed", evidence: "", offences, excepted: [] };
  }
}
