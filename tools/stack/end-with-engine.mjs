/**
 * Loaded into every Node process that the Pulumi engine starts: ends it when the engine is gone. An engine that is killed
 * leaves them behind. The program among them would report each failure to a pipe that nobody reads, and that failure in
 * turn, without ever coming back to its timers, with ever more memory.
 */
import { connect } from "node:net";

const LOOK_MS = 3_000;

for (const stream of [process.stdout, process.stderr])
  stream.on("error", ({ code }) => {
    if (code === "EPIPE") process.exit(1);
  });

/** The engine's own address comes last: the one before it is the language host's, which lives on without an engine. */
const address = process.argv.map((argument) => /^127\.0\.0\.1:(\d+)$/.exec(argument)).findLast(Boolean);
if (address) setInterval(look, LOOK_MS, Number(address[1])).unref();

function look(port) {
  const socket = connect(port, "127.0.0.1", () => socket.destroy());
  socket.unref();
  socket.on("error", ({ code }) => {
    if (code === "ECONNREFUSED") process.exit(1);
  });
}
