import { mustRun } from "../../tools/process.ts";
import { container, leader, patroniMembers } from "./faults.ts";

/** Makes `candidate`, or else a quorum standby, the primary in place of `former`; returns its name. */
export async function mustSwitchOver(former: string, candidate?: string): Promise<string> {
  const standby = candidate ?? (await patroniMembers()).find(({ role }) => role === "Quorum Standby")?.name;
  if (!standby) throw new Error("no member can take over");
  await mustRun("docker", [
    ...["exec", container(former), "patronictl", "--config-file", "/etc/dujyo/patroni.yml", "switchover"],
    ...["--leader", former, "--candidate", standby, "--force"],
  ]);
  const now = await leader();
  if (now !== standby) throw new Error(`${now} leads instead of ${standby}`);
  return standby;
}
