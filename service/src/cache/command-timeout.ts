import type { Command, Redis } from "ioredis";

/**
 * Fails a node's commands that have no answer in time. Unlike the client's own limit it looks first whether the answer is
 * there: where this process was busy for as long, timers run before what has arrived is read, and commands that were answered
 * long ago would all fail at once. That would open the node's breaker and send every read to the database, while there is
 * most to do.
 */
export function limitCommands(node: Redis, timeoutMs: number): void {
  const send = node.sendCommand.bind(node);
  node.sendCommand = (command: Command, ...rest) => {
    const late = (): void => command.reject(new Error("Command timed out"));
    // What has arrived is read between the timers and this.
    const timer = setTimeout(() => setImmediate(late), timeoutMs);
    const answered = (): void => clearTimeout(timer);
    command.promise.then(answered, answered);
    return send(command, ...rest);
  };
}
