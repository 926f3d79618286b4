import { loadData } from "./loader.ts";
import { readCommandLine, USAGE } from "./options.ts";
import { showProgress } from "./progress.ts";
import { SIZES } from "./sizes.ts";
import { checkInvariants } from "./verify.ts";

if (process.argv.includes("--help")) {
  console.log(USAGE);
} else {
  try {
    const { size, seed, until, connection, keys } = readCommandLine(process.argv.slice(2), process.env);
    const progress = showProgress(process.stderr);
    const started = performance.now();
    await loadData({ connection, size: SIZES[size], seed, until, keys, progress });
    progress.task("invariants", 1);
    const invariants = await checkInvariants(connection);
    progress.done();
    for (const { name, ok, detail } of invariants) console.log(`${ok ? "ok  " : "FAIL"} ${name} (${detail})`);
    console.log(`loaded "${size}" (seed ${seed}) in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    if (invariants.some(({ ok }) => !ok)) process.exitCode = 1;
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
