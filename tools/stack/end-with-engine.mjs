/**
 * Loaded into every Node process that the Pulumi engine starts: ends it when the engine is gone. An engine that is killed
 * leaves them behind, and the program among them goes on writing to pipes that nobody reads, with ever more memory.
 */
import { connect } from "node:net";

const LOOK_MS = 3_000;

/** The engine tells each of them where it listens. */
const address = process.argv.map((argument) => /^127\.0\.0\.1:(\d+)$/.exec(argument)).find(Boolean);
if (address) setInterval(look, LOOK_MS, Number(address[1])).unref();

function look(port) {
  const socket = connect(port, "127.0.0.1", () => socket.destroy());
  socket.unref();
  socket.on("error", ({ code }) => {
    if (code === "ECONNREFUSED") process.exit(1);
  });
}
