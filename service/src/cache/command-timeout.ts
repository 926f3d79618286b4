import type { Command, Redis } from "ioredis";

/**
 * Has a node's commands that are out of time look first whether the answer is there. Where this process was busy for as long as its
 * `commandTimeout`, timers run before what has arrived is read, and commands that were answered long ago would all fail at once.
 * That would open the node's breaker and send every read to the database, while there is most to do.
 */
export function lookBeforeTimeout(node: Redis): void {
  const send = node.sendCommand.bind(node);
  node.sendCommand = (command: Command, ...rest) => {
    command.setTimeout = (timeoutMs) => {
      const late = (): void => command.reject(new Error("Command timed out"));
      // What has arrived is read between the timers and this.
      const timer = setTimeout(() => setImmediate(late), timeoutMs);
      const answered = (): void => clearTimeout(timer);
      command.promise.then(answered, answered);
    };
    return send(command, ...rest);
  };
}
