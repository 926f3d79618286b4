import type { Settings } from "../../infra/settings/schema.ts";
import type { StorageClass } from "./kubernetes-requirements.ts";
import { changesOf, countsOf, errorsOf, type Plan } from "./plan.ts";
import { objections } from "./plan-guard.ts";

/** Characters that a comment on a change request may have, with room for what is around the changes. */
const MOST = 60_000;

/** The plan as Markdown, for a comment on a change request: verdict, what speaks against it, every change. */
export function planReport(
  stack: string,
  settings: Settings,
  plan: Plan,
  classes?: readonly StorageClass[],
): string {
  const against = [...objections(settings, plan, classes), ...errorsOf(plan)];
  const changes = changesOf(plan);
  const list = changes.join("\n");
  const shown = list.length <= MOST ? list : `${list.slice(0, MOST)}\n... and more`;
  return [
    `### Stack \`${stack}\`: ${against.length > 0 ? "this plan is refused" : changes.length > 0 ? `${changes.length} changes` : "nothing to change"}`,
    "",
    ...(against.length > 0 ? [...against.map((line) => `- ${line.replaceAll("\n", " ")}`), ""] : []),
    countsOf(plan),
    "",
    ...(changes.length > 0
      ? ["<details><summary>Changes</summary>", "", "```text", shown, "```", "", "</details>", ""]
      : []),
  ].join("\n");
}
