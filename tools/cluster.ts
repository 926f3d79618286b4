import { Command } from "commander";
import { clusterDown } from "./cluster/down.ts";
import { clusterUp } from "./cluster/up.ts";
import { runCommand } from "./failure.ts";

const command = new Command("cluster").description(
  "A real Kubernetes cluster for tests: the one that TEST_KUBECONFIG names, else one of a single node on this machine.",
);

command
  .command("up")
  .description("Starts the cluster and brings the project's images to it; prints the way to its kubeconfig.")
  .action(() =>
    runCommand(async () => {
      const kubeconfig = process.env.TEST_KUBECONFIG ?? (await clusterUp());
      process.stdout.write(`export KUBECONFIG=${kubeconfig}\n`);
      return 0;
    }),
  );

command
  .command("down")
  .description(
    "Ends the cluster that was started here and removes all of it. One that TEST_KUBECONFIG names stays.",
  )
  .action(() =>
    runCommand(async () => {
      if (process.env.TEST_KUBECONFIG === undefined) await clusterDown();
      return 0;
    }),
  );

await command.parseAsync();
