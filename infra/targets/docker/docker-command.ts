import * as pulumi from "@pulumi/pulumi";

/**
 * Three resources that the Docker provider does not have, made with the Docker client: waiting for a member to be ready
 * (engines before version 25 have no start interval, a health check every half second would cost CPU for ever), telling one
 * that its files have changed, and a job whose exit code counts. Providers are serialised into the state, with the functions
 * that they call and nothing else of this module.
 */

/** Runs the Docker client to its end, whatever that is. */
async function docker(args: readonly string[], timeout: number): Promise<{ ok: boolean; text: string }> {
  const { execFile } = process.getBuiltinModule("node:child_process");
  return new Promise((resolve) => {
    execFile("docker", args, { timeout }, (error, stdout, stderr) =>
      resolve({ ok: error === null, text: (stderr || stdout || String(error ?? "")).trim() }),
    );
  });
}

interface ReadyInputs {
  readonly container: string;
  /** How many processes and threads it may have, which the provider can not tell the engine. */
  readonly processes: number;
  /** Identity of the running container; a new one is waited for again. */
  readonly containerId: string;
  /** The member that is changed after this one; empty for the last. */
  readonly next: string;
  readonly timeoutSeconds: number;
}

const readyProvider: pulumi.dynamic.ResourceProvider = {
  async create(inputs: ReadyInputs) {
    await limitProcesses(inputs);
    await waitReady(inputs);
    return { id: inputs.container, outs: inputs };
  },
  async update(_id: string, _olds: ReadyInputs, news: ReadyInputs) {
    await limitProcesses(news);
    await waitReady(news);
    return { outs: news };
  },
  async diff(_id: string, olds: ReadyInputs, news: ReadyInputs) {
    return { changes: olds.containerId !== news.containerId || olds.processes !== news.processes };
  },
};

async function limitProcesses({ container, processes }: ReadyInputs): Promise<void> {
  const answer = await docker(["update", "--pids-limit", String(processes), container], 15_000);
  if (!answer.ok)
    throw new Error(`The processes of ${container} can not be limited to ${processes}: ${answer.text}`);
}

/**
 * Polls `member-ready` twice a second; the last answer is part of the error when the time is over. Where the next member
 * is not running, as at the first start, there is nothing to protect and this one may need it: it is not waited for.
 */
async function waitReady(inputs: ReadyInputs): Promise<void> {
  const running = async (container: string) => {
    const state = await docker(["container", "inspect", "--format", "{{.State.Running}}", container], 15_000);
    return state.ok && state.text === "true";
  };
  const deadline = Date.now() + inputs.timeoutSeconds * 1_000;
  for (;;) {
    if (inputs.next !== "" && !(await running(inputs.next))) return;
    const answer = await docker(["exec", inputs.container, "/usr/local/bin/member-ready"], 15_000);
    if (answer.ok) return;
    if (Date.now() > deadline)
      throw new Error(
        `${inputs.container} was not ready after ${inputs.timeoutSeconds} s: ${answer.text}. ` +
          `Look at its log with "docker logs ${inputs.container}", mend the cause and run the command again`,
      );
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Bounds the container's processes; done when its `member-ready` says so. */
export class Ready extends pulumi.dynamic.Resource {
  constructor(
    name: string,
    args: { readonly [K in keyof ReadyInputs]: pulumi.Input<ReadyInputs[K]> },
    opts: pulumi.CustomResourceOptions,
  ) {
    super(readyProvider, name, args, opts, "docker", "Ready");
  }
}

interface ReloadInputs {
  readonly container: string;
  /** Digest of the files that it reads again. */
  readonly filesDigest: string;
}

const reloadProvider: pulumi.dynamic.ResourceProvider = {
  // Whoever has just started has read them.
  async create(inputs: ReloadInputs) {
    return { id: inputs.container, outs: inputs };
  },
  async update(_id: string, _olds: ReloadInputs, news: ReloadInputs) {
    await reload(news.container);
    return { outs: news };
  },
  async diff(_id: string, olds: ReloadInputs, news: ReloadInputs) {
    return { changes: olds.filesDigest !== news.filesDigest };
  },
};

async function reload(container: string): Promise<void> {
  const answer = await docker(["exec", container, "/usr/local/bin/member-reload"], 60_000);
  if (!answer.ok)
    throw new Error(
      `${container} did not take its changed files: ${answer.text}. ` +
        `Look at its log with "docker logs ${container}", mend the cause and run the command again`,
    );
}

/** Has the container's `member-reload` read changed files again. */
export class Reload extends pulumi.dynamic.Resource {
  constructor(
    name: string,
    args: { readonly [K in keyof ReloadInputs]: pulumi.Input<ReloadInputs[K]> },
    opts: pulumi.CustomResourceOptions,
  ) {
    super(reloadProvider, name, args, opts, "docker", "Reload");
  }
}

interface RunInputs {
  readonly container: string;
  /** Arguments of `docker run` from the options on; none of them is a secret. */
  readonly args: readonly string[];
  readonly timeoutSeconds: number;
  /** Digest of the files it reads. */
  readonly filesDigest: string;
}

const runProvider: pulumi.dynamic.ResourceProvider = {
  async create(inputs: RunInputs) {
    await runToEnd(inputs);
    return { id: inputs.container, outs: inputs };
  },
  async update(_id: string, _olds: RunInputs, news: RunInputs) {
    await runToEnd(news);
    return { outs: news };
  },
  async diff(_id: string, olds: RunInputs, news: RunInputs) {
    return {
      changes:
        JSON.stringify(olds.args) !== JSON.stringify(news.args) || olds.filesDigest !== news.filesDigest,
    };
  },
};

async function runToEnd(inputs: RunInputs): Promise<void> {
  const { spawn, execFile } = process.getBuiltinModule("node:child_process");
  const remove = () =>
    new Promise<void>((resolve) => {
      execFile("docker", ["rm", "--force", "--volumes", inputs.container], () => resolve());
    });
  // A run that was cut off may still be going on; two at once would work against each other.
  await remove();
  const lines: string[] = [];
  let timedOut = false;
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn("docker", ["run", "--name", inputs.container, ...inputs.args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (chunk: Buffer) => {
      lines.push(
        ...chunk
          .toString("utf8")
          .split("\n")
          .filter((line) => line !== ""),
      );
      lines.splice(0, Math.max(0, lines.length - 40));
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const timer = setTimeout(() => {
      timedOut = true;
      void remove();
    }, inputs.timeoutSeconds * 1_000);
    child.on("error", reject);
    child.on("close", (exit) => {
      clearTimeout(timer);
      resolve(exit);
    });
  });
  await remove();
  if (timedOut)
    throw new Error(
      `${inputs.container} did not end within ${inputs.timeoutSeconds} s; its last lines:\n${lines.join("\n")}`,
    );
  if (code !== 0)
    throw new Error(
      `${inputs.container} failed with exit code ${code}; its last lines:\n${lines.join("\n")}`,
    );
}

/** Runs a container to its end; fails with the last lines of its output when the exit code is not 0. */
export class Run extends pulumi.dynamic.Resource {
  constructor(
    name: string,
    args: { readonly [K in keyof RunInputs]: pulumi.Input<RunInputs[K]> },
    opts: pulumi.CustomResourceOptions,
  ) {
    super(runProvider, name, args, opts, "docker", "Run");
  }
}
