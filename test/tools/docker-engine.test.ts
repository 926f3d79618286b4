import { describe, expect, it } from "vitest";
import { debianLike } from "../../tools/setup/debian.ts";
import { type EngineFacts, planEngine } from "../../tools/setup/docker-engine.ts";

const bare: EngineFacts = {
  client: false,
  daemon: false,
  remote: false,
  root: true,
  canInstall: true,
  systemd: false,
  answer: "no answer",
};
const installed: EngineFacts = { ...bare, client: true, daemon: true };

describe("an engine that does not answer", () => {
  it("is installed and started on a bare Debian as root", () => {
    expect(planEngine(bare)).toEqual({ kind: "start", install: true, by: "dockerd" });
  });

  it("is started by systemd where that is the init", () => {
    expect(planEngine({ ...bare, systemd: true })).toEqual({ kind: "start", install: true, by: "systemd" });
  });

  it("is only started where it is installed", () => {
    expect(planEngine(installed)).toEqual({ kind: "start", install: false, by: "dockerd" });
  });

  it.each([
    ["DOCKER_HOST names it", { ...installed, remote: true }, /DOCKER_HOST/],
    [
      "it refuses the user",
      { ...installed, root: false, canInstall: false, answer: "permission denied" },
      /group docker/,
    ],
    [
      "the user may not start it",
      { ...installed, root: false, canInstall: false },
      /Start Docker and repeat/,
    ],
    [
      "the user may not install it",
      { ...bare, root: false, canInstall: false },
      /may not install one.*apt-get install docker\.io/,
    ],
  ] as const)("is left to the user when %s", (_, facts, reason) => {
    const plan = planEngine(facts);
    expect(plan.kind === "give-up" && plan.reason).toMatch(reason);
  });
});

describe("os-release", () => {
  it.each([
    ["ID=debian\n", true],
    ['NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', true],
    ['ID=pop\nID_LIKE="ubuntu debian"\n', true],
    ['ID=fedora\nID_LIKE="rhel"\n', false],
    ["", false],
  ])("%j is Debian-like: %s", (text, expected) => {
    expect(debianLike(text)).toBe(expected);
  });
});
