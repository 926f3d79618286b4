/** Of each measurement, before it counts: compilation and the opening of connections. */
const WARM_UP_MS = 1_500;

/**
 * Keeps so many operations in flight for the seconds that the first argument says, and prints what came of it as JSON.
 *
 * @throws what an operation throws: a figure with failures in it would say nothing
 */
export async function drive(
  operation: (number: number) => Promise<unknown>,
  inFlight: number,
): Promise<void> {
  const seconds = Number(process.argv[2]);
  let number = 0;
  let done = 0;
  const loop = async (until: number): Promise<void> => {
    while (performance.now() < until) {
      await operation(number++);
      done += 1;
    }
  };
  const run = async (ms: number): Promise<void> => {
    const until = performance.now() + ms;
    await Promise.all(Array.from({ length: inFlight }, () => loop(until)));
  };
  await run(WARM_UP_MS);
  done = 0;
  const begin = performance.now();
  const before = process.cpuUsage();
  await run(seconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  const perSecond = (done * 1_000) / (performance.now() - begin);
  process.stdout.write(`FIGURES ${JSON.stringify({ perSecond, cpuMicros: (user + system) / done })}\n`);
  process.exit(0);
}
