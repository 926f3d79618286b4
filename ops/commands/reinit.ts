import { Failure } from "../../tools/failure.ts";
import { defineCommand } from "../define-command.ts";
import { Refusal } from "../refusal.ts";

/** Longest wait for the copy. */
const SECONDS = 900;

export const command = defineCommand({
  usage: "reinit <member>",
  summary: "Throws a replica's data away and copies it anew from the leader.",
  changes: true,
  examples: [
    ["reinit postgres-1", "ends when postgres-1 streams again"],
    ["reinit postgres-1 --dry-run", "whether it may be done"],
  ],
  run: async ({ stack, args: [name = ""], dryRun, say }) => {
    stack.patroni.member(name);
    const view = await stack.patroni.ledView();
    if (name === view.leader)
      throw new Refusal(
        `${name} leads. Make another member the leader ("npm run ops -- switchover") and repeat.`,
      );
    const others = view.standbys.filter((standby) => standby !== name);
    const demanded = stack.settings.postgres.synchronousReplicas;
    if (others.length < demanded)
      throw new Refusal(
        `Without ${name} only ${others.length} of ${demanded} quorum standbys are left, and writes would wait. Mend the others first.`,
      );
    if (dryRun)
      return {
        text: `${name} would be copied anew from ${view.leader}.`,
        data: { member: name, from: view.leader },
      };
    await stack.patroni.mustDo("POST", name, "/reinitialize", { body: { force: true }, seconds: 30 });
    say(`copying ${name} anew from ${view.leader}`);
    const started = Date.now();
    // Patroni first stops the member: what it says before is of the old data.
    await left(stack.patroni, name, 30);
    await stack.patroni.whole(demanded, SECONDS);
    const seconds = Math.round((Date.now() - started) / 1_000);
    return {
      text: `${name} streams again after ${seconds} s.`,
      data: { member: name, from: view.leader, seconds },
    };
  },
});

async function left(
  patroni: { view(): Promise<{ members: readonly { name: string; state: string }[] }> },
  name: string,
  seconds: number,
) {
  const deadline = Date.now() + seconds * 1_000;
  while (Date.now() < deadline) {
    const member = (await patroni.view()).members.find((candidate) => candidate.name === name);
    if (member?.state !== "streaming") return;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Failure(`${name} was asked to copy its data anew and still streams after ${seconds} s.`);
}
