/** How a step came by what it provides. */
export type Origin = "cached" | "official" | "fallback" | "done" | "left out";

/** What a step tells about itself while it runs. */
export interface Step {
  /** Where the result comes from; may be corrected while the step goes on. @default "done" */
  origin(origin: Origin): void;
  /** The latest thing that happened, for example a line of a child's output. */
  line(text: string): void;
  /** A line that stays on the terminal. */
  note(text: string): void;
}

interface Finished {
  readonly name: string;
  readonly origin: Origin;
  readonly seconds: number;
}

/** What `tools/bootstrap.mjs` did before this process began: how it came by the Node packages, and in how many seconds. */
function dependencies(): Finished[] {
  const [origin, seconds] = (process.env.DUJYO_NODE_DEPENDENCIES ?? "").split(" ");
  return seconds === undefined
    ? []
    : [{ name: "Node dependencies", origin: origin as Origin, seconds: Number(seconds) }];
}

const NAME_WIDTH = 28;
const SECONDS_BETWEEN_LINES = 15;

/** Prints what `npm run up` does: one line a step, its progress while it takes long, a table of times at the end. */
export class Progress {
  readonly #finished: Finished[] = dependencies();
  readonly #out: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  /** Runs one step; its failure is printed and passed on. */
  async step<T>(name: string, body: (step: Step) => Promise<T>): Promise<T> {
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    let origin: Origin = "done";
    let latest = "";
    const live = this.#out.isTTY === true;
    const report = () => this.#progress(name, seconds(), latest, live);
    const timer = setInterval(report, live ? 1000 : SECONDS_BETWEEN_LINES * 1000);
    const finish = (mark: string) => {
      clearInterval(timer);
      if (live) this.#out.write("\r\x1b[2K");
      this.#out.write(
        `${mark} ${name.padEnd(NAME_WIDTH)} ${origin.padEnd(9)} ${seconds().toFixed(1).padStart(7)} s\n`,
      );
      this.#finished.push({ name, origin, seconds: seconds() });
    };
    try {
      const result = await body({
        origin: (value) => {
          origin = value;
        },
        line: (text) => {
          latest = text.trim();
        },
        note: (text) => {
          // What was going on before is over.
          latest = "";
          this.#out.write(`${live ? "\r\x1b[2K" : ""}  ${name}: ${text}\n`);
        },
      });
      finish("ok  ");
      return result;
    } catch (error) {
      finish("FAIL");
      throw error;
    }
  }

  /** The closing table. */
  table(): string {
    const rows = this.#finished.map(
      ({ name, origin, seconds }) =>
        `  ${name.padEnd(NAME_WIDTH)} ${origin.padEnd(9)} ${seconds.toFixed(1).padStart(7)} s`,
    );
    const total = this.#finished.reduce((sum, { seconds }) => sum + seconds, 0);
    return [
      ...rows,
      `  ${"total".padEnd(NAME_WIDTH)} ${"".padEnd(9)} ${total.toFixed(1).padStart(7)} s`,
    ].join("\n");
  }

  #progress(name: string, seconds: number, latest: string, live: boolean): void {
    const text = `... ${name} ${Math.round(seconds)} s ${latest}`;
    if (live) this.#out.write(`\r\x1b[2K${text.slice(0, (this.#out.columns || 80) - 1)}`);
    else this.#out.write(`${text.slice(0, 160)}\n`);
  }
}
