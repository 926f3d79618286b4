/** One figure of the stack, judged. */
export interface Finding {
  /** What was looked at: `processor`, `locks`, `pool`. */
  readonly area: string;
  /** The member, database or pool that it concerns. */
  readonly subject: string;
  /** With its unit, for a person. */
  readonly figure: string;
  /** What it should be; empty where nothing is expected. */
  readonly bound: string;
  readonly bad: boolean;
  /** How near to its bound it is, 1 at the bound: of many that are well, a person sees the nearest ones. */
  readonly near?: number;
  /** Name of the alert, and so of the runbook in `docs/runbooks/`, that a bad figure belongs to. */
  readonly runbook: string;
}

/** `37.5 %` of a share from 0 to 1. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

/** The beginning of a statement, on one line. */
export function shortStatement(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 70 ? `${line.slice(0, 67)}...` : line;
}
